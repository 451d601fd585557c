// Who did what: the audit trail.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Activity, Meter } from "../data/shapes";
import { href } from "../router";
import { Big, exact, writeJson } from "../text/numbers";
import { type Message, t } from "../text/words";
import { Ago } from "./ago";
import { Await } from "./await";
import { Card, Notice } from "./page";
import { type Column, Named, Table } from "./table";

const LATEST = 5;
const SHOWN_CHARACTERS = 13;

export const ACTIONS: Record<string, Message> = {
  "organization.changed": "Changed the organization's settings",
  "token.created": "Created a token",
  "token.revoked": "Revoked a token",
  "meter.created": "Created a meter",
  "meter.changed": "Changed a meter",
  "meter.archived": "Archived a meter",
  "meter.brought_back": "Brought back a meter",
  "customer.created": "Created a customer",
  "customer.changed": "Changed a customer",
  "customer.deleted": "Deleted a customer",
  "grant.created": "Granted credits",
  "grant.voided": "Took back a grant",
  "event.refunded": "Gave back what an event took",
  "event.voided": "Took an event back",
  "thresholds.changed": "Changed a customer's thresholds",
  "webhook_endpoint.created": "Added a webhook endpoint",
  "webhook_endpoint.changed": "Changed a webhook endpoint",
  "webhook_endpoint.secret_reset": "Replaced a webhook endpoint's secret",
  "webhook_endpoint.deleted": "Deleted a webhook endpoint",
  "dead_letters.redriven": "Sent failed messages again",
  "dead_letter.discarded": "Discarded a failed message",
};

const did = ({ action }: Activity): string => {
  const known = ACTIONS[action];
  return known ? t(known) : action;
};

/** What else there is to say of it: numbers and names, and of ids the meters' names. */
function details({ details }: Activity, meters: Map<string, string>): string {
  return Object.entries(details)
    .flatMap(([name, value]) => {
      if (name === "meter_id") return meters.get(String(value)) ?? [];
      if (name.endsWith("_id")) return [];
      return `${name.replaceAll("_", " ")}: ${value instanceof Big ? exact(value) : String(value)}`;
    })
    .join(" · ");
}

const KINDS: Record<string, string> = {
  customer: "customers",
  event: "events",
  meter: "meters",
  webhook_endpoint: "webhooks",
};

/** Where the thing is that it was done to, if it has a page. */
function pageOfSubject({ action, subject_id, details }: Activity): string | undefined {
  const [kind = ""] = action.split(".");
  if (action.endsWith(".deleted")) return undefined;
  if (KINDS[kind]) return href([KINDS[kind], subject_id]);
  return typeof details.customer_id === "string" ? href(["customers", details.customer_id]) : undefined;
}

function Subject({ activity }: { activity: Activity }): JSX.Element {
  const { subject_id: id } = activity;
  const link = pageOfSubject(activity);
  const short = <code>{id.length > SHOWN_CHARACTERS ? `${id.slice(0, SHOWN_CHARACTERS)}…` : id}</code>;
  return (
    <span class="nowrap" title={id}>
      {link ? <a href={link}>{short}</a> : short}
    </span>
  );
}

export function activityColumns(meters: Meter[]): Column<Activity>[] {
  const names = new Map(meters.map(({ id, name }) => [id, name]));
  return [
    {
      name: t("What"),
      show: (one) => <Named name={did(one)} below={details(one, names)} />,
      csv: (one) => one.action,
    },
    { name: "ID", show: (one) => <Subject activity={one} />, csv: (one) => one.subject_id },
    {
      name: t("Token"),
      show: (one) => one.token_name || t("unnamed"),
      csv: (one) => one.token_name || one.token_id,
    },
    {
      name: t("When"),
      number: true,
      show: (one) => <Ago time={one.timestamp} />,
      csv: (one) => one.timestamp,
    },
  ];
}

/** What a file has besides: all that is noted, as JSON. */
export const inFull: Column<Activity> = {
  name: "details",
  show: (one) => writeJson(one.details),
  csv: (one) => writeJson(one.details),
};

interface TableProps {
  activities: Activity[];
  meters: Meter[];
}

export const ActivityTable = ({ activities, meters }: TableProps): JSX.Element => (
  <Table
    caption={t("Who did what")}
    rows={activities}
    keyOf={(one) => one.id}
    columns={activityColumns(meters)}
  />
);

export function ActivityCard(): JSX.Element {
  const { allows } = useSession();
  const found = useRead(
    "/v1/activity/",
    { query: { limit: LATEST } },
    { skip: !allows("activity:read"), keep: true },
  );
  return (
    <Card title={t("Who did what")} flush actions={<a href={href(["activity"])}>{t("All actions")}</a>}>
      {!allows("activity:read") ? (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "activity:read" })}</Notice>
      ) : (
        <Await of={found}>{({ items }) => <ActivityTable activities={items} meters={[]} />}</Await>
      )}
    </Card>
  );
}
