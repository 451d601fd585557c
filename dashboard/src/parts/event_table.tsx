import type { JSX } from "preact";
import type { Event } from "../data/shapes";
import { href } from "../router";
import { titleOf } from "../text/meters";
import { full, moment } from "../text/times";
import { t } from "../text/words";
import { MetadataLine } from "./metadata";
import { type Column, Table } from "./table";

export function EventTable({
  events,
  withoutCustomer,
}: {
  events: Event[];
  withoutCustomer?: boolean;
}): JSX.Element {
  const customer: Column<Event> = { name: t("Customer"), show: (event) => <Whose event={event} /> };
  return (
    <Table
      caption={t("Events, newest first")}
      rows={events}
      keyOf={(event) => event.id}
      linkOf={(event) => href(["events", event.id])}
      columns={[
        { name: t("Event"), show: (event) => <span class="strong">{event.name}</span> },
        ...(withoutCustomer ? [] : [customer]),
        { name: t("Metadata"), show: (event) => <MetadataLine metadata={event.metadata} /> },
        {
          name: t("Time"),
          number: true,
          show: (event) => (
            <time dateTime={event.timestamp} title={full(event.timestamp)}>
              {moment(event.timestamp)}
            </time>
          ),
        },
      ]}
    />
  );
}

/** An event's customer; of a deleted one, and of one that is not known yet, what there is. */
export function Whose({ event }: { event: Event }): JSX.Element {
  const { customer, external_customer_id } = event;
  if (!customer) {
    return (
      <>
        <code>{external_customer_id ?? t("unknown")}</code> <span class="badge">{t("no customer yet")}</span>
      </>
    );
  }
  if (customer.deleted_at) {
    return (
      <>
        {titleOf(customer)} <span class="badge">{t("deleted")}</span>
      </>
    );
  }
  return <a href={href(["customers", customer.id])}>{titleOf(customer)}</a>;
}
