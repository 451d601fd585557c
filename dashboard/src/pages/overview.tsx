import type { JSX } from "preact";
import { useLoad } from "../loading";
import { left } from "../meters";
import { exact } from "../numbers";
import { Button } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { useSending } from "../parts/forms";
import { Icon } from "../parts/icons";
import { Await, Card, Empty, Notice, Page } from "../parts/layout";
import { Table } from "../parts/table";
import { Usage } from "../parts/usage";
import { href } from "../router";
import { useSession } from "../session";
import type { Customer, CustomerMeter, DeadLetter, DeadLetters, Event, List, Meter, Quantities } from "../shapes";
import { daysAgo, HERE, today } from "../times";

const SHOWN = ["customers:read", "meters:read", "events:read", "customer_meters:read"];
const FRESH_MILLISECONDS = 15_000;
const COUNTED = 10_000;
const LOOKED_AT = 100;
const MOST_CUSTOMERS = 6;
const MOST_METERS = 6;

export function OverviewPage(): JSX.Element {
  const { api, allows } = useSession();
  const meters = useLoad(
    async (signal) => (await api.get<List<Meter>>("v1/meters/", { limit: 100 }, signal)).items,
    [],
    { skip: !allows("meters:read"), every: FRESH_MILLISECONDS },
  );
  const customers = useLoad((signal) => api.get<List<Customer>>("v1/customers/", { limit: 1 }, signal), [], {
    skip: !allows("customers:read"),
    every: FRESH_MILLISECONDS,
  });
  const events = useLoad(
    async (signal) => {
      const count = async (since: Date): Promise<List<Event>> =>
        api.get<List<Event>>("v1/events/", { start_timestamp: since.toISOString(), limit: 1 }, signal);
      const [day, month] = await Promise.all([count(today()), count(daysAgo(30))]);
      return { day: day.pagination.total_count, month: month.pagination.total_count };
    },
    [],
    { skip: !allows("events:read"), every: FRESH_MILLISECONDS },
  );
  const counted = (number: NonNullable<typeof events.data>["day"] | undefined): string =>
    number === undefined ? "–" : `${exact(number)}${number.gte(COUNTED) ? "+" : ""}`;
  const steps = {
    meter: meters.data && meters.data.length > 0,
    customer: customers.data?.pagination.total_count.gt(0),
    event: events.data?.month.gt(0),
  };
  const starting = [steps.meter, steps.customer, steps.event].includes(false);
  const lacking = SHOWN.filter((scope) => !allows(scope));
  return (
    <Page title="Overview">
      {lacking.length > 0 && <Notice>Not all is shown: your token lacks {lacking.join(", ")}.</Notice>}
      {starting && <Start {...steps} />}
      <div class="tiles">
        <Tile name="Events today" value={counted(events.data?.day)} />
        <Tile name="Events in 30 days" value={counted(events.data?.month)} />
        <Tile
          name="Customers"
          value={customers.data ? exact(customers.data.pagination.total_count) : "–"}
          link={href(["customers"])}
        />
        <Tile name="Meters" value={meters.data ? String(meters.data.length) : "–"} link={href(["meters"])} />
      </div>
      {meters.error ? (
        <Await of={meters}>{() => null}</Await>
      ) : (
        events.error && <Await of={events}>{() => null}</Await>
      )}
      {meters.data && meters.data.length > 0 && (
        <>
          <Usage title="Usage" meters={meters.data} />
          <div class="columns even">
            <div class="main-column">
              <ByMeter meters={meters.data} />
              {allows("events:read") && <Dead />}
            </div>
            {allows("events:read") && allows("customer_meters:read") && <Active />}
          </div>
        </>
      )}
      {meters.data?.length === 0 && allows("events:read") && <Dead />}
    </Page>
  );
}

function Tile({ name, value, link }: { name: string; value: string; link?: string }): JSX.Element {
  return (
    <div class="tile">
      <span>{link ? <a href={link}>{name}</a> : name}</span>
      <strong>{value}</strong>
    </div>
  );
}

interface Steps {
  meter?: boolean;
  customer?: boolean;
  event?: boolean;
}

/** What to do first, until it is done. */
function Start({ meter, customer, event }: Steps): JSX.Element {
  const steps = [
    { done: meter, text: "Create a meter", why: "It says which events count, and how.", link: href(["meters", "new"]) },
    { done: customer, text: "Add a customer", why: "Whom you count for.", link: href(["customers"]) },
    { done: event, text: "Grant credits, and send usage", why: "Both are events.", link: href(["events"]) },
  ];
  return (
    <Card title="Get started">
      <ol class="steps">
        {steps.map(({ done, text, why, link }) => (
          <li key={text} class={done ? "done" : ""}>
            <span class="step-mark">{done && <Icon name="check" />}</span>
            <span>
              <a href={link}>{text}</a>
              <small>{why}</small>
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** What each of the first meters measured today and in 30 days. */
function ByMeter({ meters }: { meters: Meter[] }): JSX.Element {
  const { api } = useSession();
  const shown = meters.slice(0, MOST_METERS);
  const found = useLoad(
    async (signal) => {
      const measure = async (meter: Meter, since: Date): Promise<Quantities> =>
        api.get<Quantities>(
          `v1/meters/${meter.id}/quantities`,
          {
            start_timestamp: since.toISOString(),
            end_timestamp: new Date().toISOString(),
            interval: "day",
            timezone: HERE,
          },
          signal,
        );
      return Promise.all(
        shown.map(async (meter) => {
          const [day, month] = await Promise.all([measure(meter, today()), measure(meter, daysAgo(30))]);
          return { meter, day: day.used_units ?? day.total, month: month.used_units ?? month.total };
        }),
      );
    },
    [shown.map((meter) => meter.id)],
    { every: FRESH_MILLISECONDS },
  );
  return (
    <Card title="By meter" flush actions={meters.length > MOST_METERS && <a href={href(["meters"])}>All meters</a>}>
      <Await of={found}>
        {(rows) => (
          <Table
            caption="What each meter measured"
            rows={rows}
            keyOf={(row) => row.meter.id}
            columns={[
              {
                name: "Meter",
                show: (row) => (
                  <a class="strong" href={href(["meters", row.meter.id])}>
                    {row.meter.name}
                  </a>
                ),
              },
              { name: "Today", number: true, show: (row) => exact(row.day) },
              { name: "30 days", number: true, show: (row) => exact(row.month) },
            ]}
          />
        )}
      </Await>
    </Card>
  );
}

interface ActiveCustomer {
  customer: Customer;
  last: string;
  balances: CustomerMeter[];
}

/** Whose events came last, and what they have left. */
function Active(): JSX.Element {
  const { api } = useSession();
  const found = useLoad(
    async (signal): Promise<ActiveCustomer[]> => {
      const latest = await api.get<List<Event>>("v1/events/", { limit: LOOKED_AT }, signal);
      const active = new Map<string, ActiveCustomer>();
      for (const { customer, timestamp } of latest.items) {
        if (customer && !customer.deleted_at && !active.has(customer.id) && active.size < MOST_CUSTOMERS) {
          active.set(customer.id, { customer, last: timestamp, balances: [] });
        }
      }
      if (active.size === 0) return [];
      const balances = await api.get<List<CustomerMeter>>(
        "v1/customer-meters/",
        { customer_id: [...active.keys()], limit: 100 },
        signal,
      );
      for (const balance of balances.items) active.get(balance.customer_id)?.balances.push(balance);
      return [...active.values()];
    },
    [],
    { every: FRESH_MILLISECONDS },
  );
  return (
    <Card title="Recently active" flush actions={<a href={href(["customers"])}>All customers</a>}>
      <Await of={found}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon="customers" title="Nobody was active yet">
              Customers appear here with their first event.
            </Empty>
          ) : (
            <Table
              caption="Recently active customers"
              rows={rows}
              keyOf={(row) => row.customer.id}
              columns={[
                {
                  name: "Customer",
                  show: (row) => (
                    <>
                      <a class="strong" href={href(["customers", row.customer.id])}>
                        {row.customer.name ?? row.customer.email}
                      </a>
                      <small>
                        <Ago time={row.last} />
                      </small>
                    </>
                  ),
                },
                { name: "Left", number: true, show: (row) => <Balances balances={row.balances} /> },
              ]}
            />
          )
        }
      </Await>
    </Card>
  );
}

function Balances({ balances }: { balances: CustomerMeter[] }): JSX.Element {
  const shown = balances.slice(0, 3);
  return (
    <span class="stack">
      {shown.map((one) => (
        <span key={one.id}>
          <small>{one.meter.name}</small>{" "}
          <span class={one.balance.gt(0) && one.available_credits.eq(0) ? "over" : ""}>{left(one.meter, one)}</span>
        </span>
      ))}
      {balances.length > shown.length && <small>and {balances.length - shown.length} more</small>}
    </span>
  );
}

/** Messages of the queue that failed for good. They are looked at once: it hides them for a moment. */
function Dead(): JSX.Element | null {
  const { api } = useSession();
  const found = useLoad((signal) => api.get<DeadLetters>("v1/dead-letters/", { limit: 20 }, signal), []);
  const sending = useSending([]);
  if (found.data && !found.data.queue) return null;
  const resend = (): void =>
    void sending.send(async () => {
      await api.post("v1/dead-letters/redrive", {});
      announce("Sent again");
      await found.reload();
    });
  return (
    <Card
      title="Dead letters"
      flush
      actions={
        found.data &&
        found.data.items.length > 0 && (
          <Button needs="events:write" busy={sending.busy} onClick={resend}>
            Send again
          </Button>
        )
      }
    >
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <Await of={found} lines={2}>
        {(data) =>
          data.items.length === 0 ? (
            <p class="quiet-line">
              <Icon name="check" /> None: every message of the queue was counted.
            </p>
          ) : (
            <Table
              caption="Messages that failed for good"
              rows={data.items}
              keyOf={(letter) => letter.id}
              columns={[
                { name: "Why", show: (letter: DeadLetter) => letter.reason ?? "unknown" },
                { name: "Events", number: true, show: (letter) => (letter.events ? exact(letter.events) : "–") },
                {
                  name: "Received",
                  number: true,
                  show: (letter) => <Ago time={letter.first_received_at} />,
                },
              ]}
            />
          )
        }
      </Await>
    </Card>
  );
}
