// When a customer runs low, and whether that is so now: thresholds by meter, and the latest alerts.
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { type Loaded, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Alert, Customer, Meter, State } from "../data/shapes";
import { amend, href } from "../router";
import { canAlert } from "../text/thresholds";
import { t } from "../text/words";
import { Button } from "./actions";
import { AlertTable, alertColumns } from "./alert_table";
import { Await } from "./await";
import { ThresholdList, useThresholds } from "./customer_thresholds";
import { Card, Notice } from "./page";
import { Named, Table } from "./table";

const FRESH_MILLISECONDS = 10_000;
// Thresholds are a call for each meter: they are asked for again where alerts say that one has moved.
const THRESHOLDS_MILLISECONDS = 60_000;
const MOST_ALERTS = 5;

interface AlertsProps {
  customer: State;
  meters: Meter[];
}

/** The customer's meters of which few credits can be left. */
export const watchable = (customer: State, meters: Meter[]): Meter[] =>
  meters.filter(
    (meter) =>
      canAlert(meter.aggregation.func) &&
      (meter.thresholds.length > 0 || customer.active_meters.some((one) => one.meter_id === meter.id)),
  );

export function CustomerAlerts({ customer, meters }: AlertsProps): JSX.Element | null {
  const { allows } = useSession();
  const watched = watchable(customer, meters);
  const latest = useRead(
    "/v1/alerts/",
    { query: { customer_id: [customer.id], limit: MOST_ALERTS } },
    { every: FRESH_MILLISECONDS, skip: watched.length === 0 || !allows("alerts:read") },
  );
  const told = latest.data && JSON.stringify(latest.data.items.map(({ id, state }) => [id, state]));
  if (watched.length === 0) return null;
  return (
    <Card
      title={t("Thresholds and alerts")}
      flush
      actions={<a href={href(["alerts"], { customer_id: customer.id, state: "all" })}>{t("All alerts")}</a>}
    >
      {allows("customer_meters:read") ? (
        <Table
          caption={t("Thresholds")}
          rows={watched}
          keyOf={(meter) => meter.id}
          columns={[
            { name: t("Meter"), show: (meter) => <Named name={meter.name} /> },
            {
              name: t("Thresholds"),
              show: (meter) => <OneMeter customer={customer} meter={meter} told={told} />,
            },
            {
              name: "",
              number: true,
              show: (meter) => (
                <Button
                  kind="quiet"
                  needs="customer_meters:write"
                  label={t("Change the thresholds of {meter}", { meter: meter.name })}
                  onClick={() => amend({ open: "thresholds", meter: meter.id })}
                >
                  {t("Change")}
                </Button>
              ),
            },
          ]}
        />
      ) : (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "customer_meters:read" })}</Notice>
      )}
      {allows("alerts:read") && <Latest found={latest} meters={meters} />}
    </Card>
  );
}

interface OneMeterProps {
  customer: Customer;
  meter: Meter;
  /** The latest alerts, undefined where they are not known. */
  told: string | undefined;
}

function OneMeter({ customer, meter, told }: OneMeterProps): JSX.Element {
  const found = useThresholds(customer, meter, THRESHOLDS_MILLISECONDS);
  const known = useRef(told);
  useEffect(() => {
    if (known.current !== undefined && known.current !== told) void found.reload();
    known.current = told;
  }, [told, found.reload]);
  return (
    <Await of={found} lines={1}>
      {(thresholds) => (
        <>
          <ThresholdList meter={meter} found={thresholds} />
          {thresholds.own && <small>{t("this customer's own")}</small>}
        </>
      )}
    </Await>
  );
}

function Latest({ found, meters }: { found: Loaded<{ items: Alert[] }>; meters: Meter[] }): JSX.Element {
  const { meter, threshold, left, state, since } = alertColumns(new Map(meters.map((one) => [one.id, one])));
  return (
    <Await of={found} lines={1}>
      {({ items }) =>
        items.length > 0 && (
          <>
            <h3>{t("Latest alerts")}</h3>
            <AlertTable
              caption={t("Latest alerts")}
              alerts={items}
              columns={[meter, threshold, left, state, since]}
              linkOf={(one) => href(["meters", one.meter_id])}
            />
          </>
        )
      }
    </Await>
  );
}
