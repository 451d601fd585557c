import type { JSX } from "preact";
import { href } from "../router";
import type { Event } from "../shapes";
import { full, moment } from "../times";
import { MetadataLine } from "./metadata";
import { Table } from "./table";

export function EventTable({ events, withoutCustomer }: { events: Event[]; withoutCustomer?: boolean }): JSX.Element {
  return (
    <Table
      caption="Events, newest first"
      rows={events}
      keyOf={(event) => event.id}
      columns={[
        {
          name: "Event",
          show: (event) => (
            <a class="strong" href={href(["events", event.id])}>
              {event.name}
            </a>
          ),
        },
        ...(withoutCustomer ? [] : [{ name: "Customer", show: (event: Event) => <Whose event={event} /> }]),
        { name: "Metadata", show: (event) => <MetadataLine metadata={event.metadata} /> },
        {
          name: "Time",
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
        <code>{external_customer_id ?? "unknown"}</code> <span class="badge">no customer yet</span>
      </>
    );
  }
  if (customer.deleted_at) {
    return (
      <>
        {customer.email} <span class="badge">deleted</span>
      </>
    );
  }
  return <a href={href(["customers", customer.id])}>{customer.name ?? customer.email}</a>;
}
