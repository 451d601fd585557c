import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Alert, List } from "../data/shapes";
import { AlertTable, alertColumns } from "../parts/alert_table";
import { Await, Cut } from "../parts/await";
import { CustomerFilter } from "../parts/customer_filter";
import { SelectField } from "../parts/forms";
import { Card, Empty, Notice, Page } from "../parts/page";
import { CsvButton, Pager } from "../parts/pager";
import { amend, href, pageOf } from "../router";
import { ALERT_STATES, canAlert } from "../text/thresholds";
import { type Message, t } from "../text/words";
import "./alerts.css";

const PAGE_SIZE = 20;
const MOST_METERS = 100;
const FRESH_MILLISECONDS = 10_000;
const NOUN = ["{n} alert", "{n} alerts"] as const;

const STATES: [string, Message][] = [
  ["reached", "Reached"],
  ["recovered", "Recovered"],
  ["closed", "Closed"],
  ["all", "All"],
];

/** The state that an address asks for: those that are reached, where it asks for none. */
const stateOf = (query: URLSearchParams): string => {
  const asked = query.get("state") ?? "";
  return asked === "all" || asked in ALERT_STATES ? asked : "reached";
};

export function AlertsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api, queries, allows } = useSession();
  const page = pageOf(query);
  const state = stateOf(query);
  const meterId = query.get("meter_id") ?? "";
  const whose = {
    customer_id: query.get("customer_id") ?? undefined,
    external_customer_id: query.get("external_customer_id") ?? undefined,
  };
  const terms = {
    ...(state === "all" ? {} : { state: [state] }),
    ...(meterId ? { meter_id: [meterId] } : {}),
    ...(whose.customer_id ? { customer_id: [whose.customer_id] } : {}),
    ...(whose.external_customer_id ? { external_customer_id: [whose.external_customer_id] } : {}),
  };
  const found = useRead(
    "/v1/alerts/",
    { query: { ...terms, page, limit: PAGE_SIZE } },
    { every: FRESH_MILLISECONDS, keep: true, skip: !allows("alerts:read") },
  );
  const list = useRead("/v1/meters/", { query: { limit: MOST_METERS } }, { skip: !allows("meters:read") });
  const meters = list.data?.items ?? [];
  const columns = Object.values(alertColumns(new Map(meters.map((meter) => [meter.id, meter]))));
  const load = (page: number, limit: number): Promise<List<Alert>> =>
    queries.fetchQuery(reading(api, "/v1/alerts/", { query: { ...terms, page, limit } }));
  return (
    <Page title={t("Alerts")} below={t("Who fell to a threshold, and whether they are still there.")}>
      <Card flush>
        {!allows("alerts:read") ? (
          <Notice>{t("Your token lacks the scope {scope}.", { scope: "alerts:read" })}</Notice>
        ) : (
          <>
            <div class="toolbar">
              <nav class="segments" aria-label={t("Which alerts")}>
                {STATES.map(([value, label]) => (
                  <a
                    key={value}
                    href={href(["alerts"], { ...Object.fromEntries(query), state: value, page: "" })}
                    aria-current={value === state ? "true" : undefined}
                  >
                    {t(label)}
                  </a>
                ))}
              </nav>
            </div>
            <div class="alert-filters">
              <SelectField
                label={t("Meter")}
                value={meterId}
                onChange={(meter_id) => amend({ meter_id, page: "" })}
                options={[
                  { value: "", label: t("All meters") },
                  ...meters
                    .filter(({ id, aggregation }) => canAlert(aggregation.func) || id === meterId)
                    .map(({ id, name }) => ({ value: id, label: name })),
                ]}
              />
              <CustomerFilter terms={whose} choose={(changed) => amend({ ...changed, page: "" })} />
            </div>
            <Cut shown={meters.length} of={list.data?.pagination.total_count} />
            <Await of={found}>
              {(data) =>
                data.pagination.total_count.eq(0) ? (
                  <Empty icon="bell" title={t("No alerts")}>
                    {meters.some((meter) => meter.thresholds.length > 0)
                      ? t("No balance is at a threshold in this selection.")
                      : t("Give a meter thresholds; balances that fall to one appear here.")}
                  </Empty>
                ) : (
                  <>
                    <AlertTable
                      caption={t("Alerts, the latest first")}
                      alerts={data.items}
                      columns={columns}
                    />
                    <Pager
                      page={page}
                      pagination={data.pagination}
                      noun={NOUN}
                      file={<CsvButton name={t("alerts")} columns={columns} load={load} />}
                    />
                  </>
                )
              }
            </Await>
          </>
        )}
      </Card>
    </Page>
  );
}
