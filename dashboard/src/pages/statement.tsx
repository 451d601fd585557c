// Why a customer's balance is what it is: each change, the balance after it, and who made it.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../data/client";
import { download } from "../data/csv";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Statement } from "../data/shapes";
import { Button } from "../parts/actions";
import { announce } from "../parts/announcements";
import { Await } from "../parts/await";
import { DateRange } from "../parts/date_range";
import { Card, Empty, Page } from "../parts/page";
import { Days, Lines } from "../parts/statement_lines";
import { amend, go, href } from "../router";
import { amount, emailOf, standing, titleOf, unitOf } from "../text/meters";
import { bounds, type Period, printed } from "../text/ranges";
import { zone } from "../text/settings";
import { addDays, isoDay, knownDay } from "../text/times";
import { t } from "../text/words";
import "./statement.css";

const PAGE_SIZE = 100;
const MOST_PARTS = 100;
const PARTS = ["grant_units", "usage_units", "refund_units", "lapse_units", "void_units"] as const;

interface PageProps {
  customerId: string;
  meterId: string;
  query: URLSearchParams;
}

export function StatementPage({ customerId, meterId, query }: PageProps): JSX.Element {
  const { api } = useSession();
  const to = knownDay(query.get("to")) || isoDay(new Date());
  const from = knownDay(query.get("from")) || addDays(to, -29);
  const period = from <= to ? { from, to } : { from: to, to: from };
  const by = query.get("by") === "day" ? "day" : "event";
  const { start_timestamp: start, end_timestamp: end } = bounds(period, zone());
  const terms = { start, end, by, timezone: zone() };
  const id = `${customerId}.${meterId}`;
  const customer = useRead("/v1/customers/{id}", { path: { id: customerId } });
  const meter = useRead("/v1/meters/{id}", { path: { id: meterId } });
  const found = useRead(
    "/v1/customer-meters/{id}/statement",
    { path: { id }, query: { ...terms, limit: PAGE_SIZE, after: query.get("after") ?? undefined } },
    { keep: true },
  );
  const name = customer.data ? titleOf(customer.data) : t("Customer");
  const unit = unitOf(meter.data) || t("credits");
  const turn = (after: string): void => go(href(parts(customerId, meterId), { from, to, by, after }));
  return (
    <Page
      title={t("Statement")}
      above={<a href={href(["customers", customerId])}>{name}</a>}
      below={
        <>
          {[meter.data?.name, customer.data && emailOf(customer.data)].filter(Boolean).join(" · ")}
          {" · "}
          <span class="nowrap">{printed(period)}</span> ({zone()})
        </>
      }
      actions={
        <>
          <Button onClick={() => print()}>{t("Print")}</Button>
          <Csv api={api} id={id} terms={terms} />
        </>
      }
    >
      <Card flush actions={<Controls period={period} by={by} />}>
        <Await of={found} lines={10}>
          {(statement) => (
            <>
              <Summary statement={statement} unit={unit} />
              {statement.lines.length + statement.days.length === 0 ? (
                <Empty icon="events" title={t("Nothing changed the balance in this time")} />
              ) : by === "day" ? (
                <Days days={statement.days} meter={meter.data} />
              ) : (
                <Lines lines={statement.lines} meter={meter.data} />
              )}
              <nav class="pager" aria-label={t("Pages")}>
                <span class="pages">
                  {query.get("after") && (
                    <button type="button" class="button small" onClick={() => turn("")}>
                      {t("First page")}
                    </button>
                  )}
                  {statement.next !== null && (
                    <button type="button" class="button small" onClick={() => turn(statement.next ?? "")}>
                      {t("Next page")}
                    </button>
                  )}
                </span>
              </nav>
            </>
          )}
        </Await>
      </Card>
    </Page>
  );

  /** What all of it comes to, as a sum that can be checked. */
  function Summary({ statement, unit }: { statement: Statement; unit: string }): JSX.Element {
    const names = [t("granted"), t("used"), t("refunded"), t("expired"), t("taken back")];
    return (
      <p class="statement-sum" data-testid="statement-sum">
        <span>
          {t("At the beginning: {balance}", { balance: standing(statement.opening_balance, meter.data) })} (
          {unit})
        </span>
        {PARTS.map((part, place) =>
          statement[part].eq(0) ? null : (
            <span key={part}>
              {names[place]} <strong>{amount(meter.data, statement[part].abs())}</strong>
            </span>
          ),
        )}
        <span>
          {t("At the end: {balance}", { balance: standing(statement.closing_balance, meter.data) })}
        </span>
      </p>
    );
  }
}

/** The address of a statement. */
export const parts = (customerId: string, meterId: string): string[] => [
  "customers",
  customerId,
  "statement",
  meterId,
];

function Controls({ period, by }: { period: Period; by: string }): JSX.Element {
  return (
    <div class="controls">
      <DateRange period={period} set={(changed) => amend({ ...changed, after: "" })} />
      <select
        aria-label={t("Lines")}
        value={by}
        onChange={(event) => amend({ by: event.currentTarget.value, after: "" })}
      >
        <option value="event">{t("Each event")}</option>
        <option value="day">{t("Each day")}</option>
      </select>
    </div>
  );
}

interface CsvProps {
  api: Api;
  id: string;
  terms: Record<string, string>;
}

/** The whole statement as a file, part by part as the API writes it. */
function Csv({ api, id, terms }: CsvProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    setBusy(true);
    try {
      const texts: string[] = [];
      let after: string | undefined;
      do {
        const query = { ...terms, format: "csv", limit: 1000, after };
        const { text, headers } = await api.text(`v1/customer-meters/${id}/statement`, query);
        texts.push(text);
        after = headers.get("X-Next-After") ?? undefined;
      } while (after && texts.length < MOST_PARTS);
      download(`${t("statement")}-${terms.start?.slice(0, 10)}.csv`, texts.join(""));
      announce(after ? t("The file has only the first part: choose a shorter time.") : t("Saved"));
    } catch (error) {
      announce((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button busy={busy} onClick={() => void save()}>
      CSV
    </Button>
  );
}
