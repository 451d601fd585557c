// Alerts: whose credits came down to which threshold, and whether they still are there.
import type { JSX } from "preact";
import type { Alert, Meter } from "../data/shapes";
import { href } from "../router";
import { amount, scaled, titleOf } from "../text/meters";
import { ALERT_STATES, describeThreshold } from "../text/thresholds";
import { full } from "../text/times";
import { t } from "../text/words";
import { Ago } from "./ago";
import { type Column, Named, Table } from "./table";

/** Whom an alert is about: by name, e-mail address or the seller's id. */
const nameOf = (alert: Alert): string =>
  titleOf({
    id: alert.customer_id,
    name: alert.customer_name,
    email: alert.customer_email,
    external_id: alert.external_customer_id,
  });

function State({ alert }: { alert: Alert }): JSX.Element {
  const tone = { reached: "bad", recovered: "good", closed: "" }[alert.state];
  return (
    <span class={`badge ${tone}`} title={alert.ended_at ? full(alert.ended_at) : undefined}>
      {t(ALERT_STATES[alert.state])}
    </span>
  );
}

/** The columns of a table of alerts. */
export function alertColumns(meters: Map<string, Meter>) {
  const meterOf = (alert: Alert): string => alert.meter_name ?? alert.meter_id;
  const threshold = (one: Alert): string => describeThreshold(meters.get(one.meter_id), one.threshold);
  return {
    customer: {
      name: t("Customer"),
      show: (one) => <Named name={nameOf(one)} below={one.external_customer_id} />,
      csv: nameOf,
    },
    /** The meter, where the customer is known from the page. */
    meter: { name: t("Meter"), show: (one) => <Named name={meterOf(one)} />, csv: meterOf },
    threshold: { name: t("Threshold"), show: threshold, csv: threshold },
    left: {
      name: t("Left then"),
      number: true,
      show: (one) => amount(meters.get(one.meter_id), one.available_credits),
      csv: (one) => scaled(meters.get(one.meter_id), one.available_credits),
    },
    state: { name: t("State"), show: (one) => <State alert={one} />, csv: (one) => one.state },
    since: {
      name: t("Since"),
      number: true,
      show: (one) => <Ago time={one.created_at} />,
      csv: (one) => one.created_at,
    },
    ended: {
      name: t("Ended"),
      number: true,
      show: (one) => (one.ended_at ? <Ago time={one.ended_at} /> : "–"),
      csv: (one) => one.ended_at,
    },
  } satisfies Record<string, Column<Alert>>;
}

interface AlertTableProps {
  alerts: Alert[];
  columns: Column<Alert>[];
  caption: string;
  /** Where a row leads, if not to the customer. */
  linkOf?(alert: Alert): string;
}

export function AlertTable({ alerts, columns, caption, linkOf = toCustomer }: AlertTableProps): JSX.Element {
  return <Table caption={caption} rows={alerts} keyOf={(one) => one.id} linkOf={linkOf} columns={columns} />;
}

const toCustomer = (alert: Alert): string => href(["customers", alert.customer_id]);
