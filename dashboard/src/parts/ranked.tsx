// The customers of a meter by what they have left: who is over, who has nothing, who is about to run dry.
import type { JSX } from "preact";
import { useMonth } from "../data/quantities";
import { useRead } from "../data/query";
import { everyPart } from "../data/ranked";
import { useSession } from "../data/session";
import type { Meter } from "../data/shapes";
import { amend, go, href, read, useRoute } from "../router";
import { scaled, unitOf, unscaled } from "../text/meters";
import { Big, exact, typed, untyped, ZERO } from "../text/numbers";
import { type Message, t } from "../text/words";
import { Await } from "./await";
import { Empty, Notice } from "./page";
import { CsvButton } from "./pager";
import "./ranked.css";
import { columnsOf, fileColumnsOf } from "./ranked_columns";
import { Table } from "./table";

const FRESH_MILLISECONDS = 10_000;
const PAGE_SIZE = 20;
/** What is low where nobody has used anything for a week. */
const USUAL_LOW = new Big(100);
const STATUSES = { "": "All", over: "Over", empty: "Empty", low: "Low" } as const satisfies Record<
  string,
  Message
>;
type Status = keyof typeof STATUSES;

export function RankedCustomers({ meter }: { meter: Meter }): JSX.Element {
  const { api, allows } = useSession();
  const { query } = useRoute();
  const asked = query.get("status") ?? "";
  const status = (asked in STATUSES ? asked : "") as Status;
  const sorting = query.get("sorting") === "-left" ? "-left" : "left";
  const usual = useWeekOfOne(meter, status !== "low");
  const typedLow = typed(query.get("low") ?? "");
  const low = typedLow ? unscaled(meter, typedLow) : usual;
  const chosen = {
    sorting,
    ...(status === "low" ? { status: "left", left_at_most: low?.toFixed() } : status && { status }),
  };
  const found = useRead(
    "/v1/meters/{id}/customers",
    {
      path: { id: meter.id },
      query: { ...chosen, after: query.get("after") ?? undefined, limit: PAGE_SIZE },
    },
    {
      skip: !allows("customer_meters:read") || (status === "low" && !low),
      keep: true,
      every: FRESH_MILLISECONDS,
    },
  );
  if (!allows("customer_meters:read")) {
    return <Notice>{t("Your token lacks the scope {scope}.", { scope: "customer_meters:read" })}</Notice>;
  }
  const columns = columnsOf(meter);
  return (
    <>
      <Filters
        status={status}
        low={low}
        counts={found.stale ? undefined : found.data?.counts}
        meter={meter}
      />
      <Await of={found}>
        {({ items, next }) => (
          <>
            {items.length === 0 ? (
              <Empty
                icon="customers"
                title={
                  meter.archived_at
                    ? t("An archived meter has no balances")
                    : status
                      ? t("Nobody is in this list")
                      : t("Nobody has used it yet")
                }
              >
                {!status && t("Customers appear with their first event.")}
              </Empty>
            ) : (
              <Table
                caption={t("Customers of {meter}", { meter: meter.name })}
                rows={items}
                keyOf={(one) => one.id}
                linkOf={(one) => href(["customers", one.customer_id])}
                sorting={sorting}
                onSort={(sorting) => amend({ sorting, after: "" })}
                columns={columns}
              />
            )}
            <nav class="pager" aria-label={t("Pages")}>
              <span class="pager-total">
                <CsvButton
                  name={t("balances")}
                  columns={fileColumnsOf(meter)}
                  all={() => everyPart(api, meter.id, chosen)}
                />
              </span>
              <span class="pages">
                {query.get("after") && (
                  <button type="button" class="button small" onClick={() => turn("")}>
                    {t("First page")}
                  </button>
                )}
                {next && (
                  <button type="button" class="button small" onClick={() => turn(next)}>
                    {t("Next page")}
                  </button>
                )}
              </span>
            </nav>
            <p class="hint ranked-hint">
              {t(
                "Figures are exact. The list and its order, which goes by the first two digits, follow a moment later. “Lasts” is what is left, divided by the average use a day in the last 7 days, and in 30 days.",
              )}
            </p>
          </>
        )}
      </Await>
    </>
  );
}

/** Turn to another part: a step in the history, so that the browser leads back. */
function turn(after: string): void {
  const { parts, query } = read();
  go(href(parts, { ...Object.fromEntries(query), after }));
}

/** What one customer uses in a week, on average: who has no more than that is about to run dry. */
function useWeekOfOne(meter: Meter, skip: boolean): Big | undefined {
  const month = useMonth(meter.id, undefined, { skip });
  const everyone = useRead(
    "/v1/meters/{id}/customers",
    { path: { id: meter.id }, query: { limit: 1 } },
    { skip },
  );
  if (!month.data || !everyone.data) return undefined;
  const { over, empty, left } = everyone.data.counts;
  const used = month.data.quantities.slice(-7).reduce((sum, one) => sum.plus(one.used_units ?? ZERO), ZERO);
  const customers = over.plus(empty).plus(left);
  // A round number where it is shown.
  const low = customers.gt(0) && used.gt(0) ? scaled(meter, used).div(customers).round(0, 3) : USUAL_LOW;
  return unscaled(meter, low);
}

interface FiltersProps {
  status: Status;
  low: Big | undefined;
  counts: { over: Big; empty: Big; left: Big } | undefined;
  meter: Meter;
}

function Filters({ status, low, counts, meter }: FiltersProps): JSX.Element {
  const number: Record<Status, Big | undefined> = {
    "": counts?.over.plus(counts.empty).plus(counts.left),
    over: counts?.over,
    empty: counts?.empty,
    low: undefined,
  };
  return (
    <div class="toolbar ranked-filters">
      <div class="segments" role="group" aria-label={t("Which customers")}>
        {Object.entries(STATUSES).map(([value, label]) => (
          <button
            type="button"
            key={value}
            aria-pressed={value === status}
            onClick={() => amend({ status: value, after: "" })}
          >
            {t(label)}
            {number[value as Status] && ` ${exact(number[value as Status] as Big)}`}
          </button>
        ))}
      </div>
      {status === "low" && (
        <label class="low">
          {t("At most")}{" "}
          <input
            type="text"
            inputMode="decimal"
            aria-label={t("Low is at most")}
            value={low ? untyped(scaled(meter, low)) : ""}
            onChange={(event) => {
              const typedIn = event.currentTarget.value;
              if (typed(typedIn)) amend({ low: typedIn, after: "" });
            }}
          />{" "}
          {unitOf(meter) || t("credits")}
        </label>
      )}
    </div>
  );
}
