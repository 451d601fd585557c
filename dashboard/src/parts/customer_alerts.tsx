// When a customer runs low, and whether that is so now: thresholds by meter, and the latest alerts.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, Meter, State } from "../data/shapes";
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
              show: (meter) => <OneMeter customer={customer} meter={meter} />,
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
      {allows("alerts:read") && <Latest customer={customer} meters={meters} />}
    </Card>
  );
}

function OneMeter({ customer, meter }: { customer: Customer; meter: Meter }): JSX.Element {
  const found = useThresholds(customer, meter, FRESH_MILLISECONDS);
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

function Latest({ customer, meters }: AlertsProps): JSX.Element {
  const found = useRead(
    "/v1/alerts/",
    { query: { customer_id: [customer.id], limit: MOST_ALERTS } },
    { every: FRESH_MILLISECONDS },
  );
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
