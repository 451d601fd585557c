// Whose events came last, and what they have left.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import type { Customer, CustomerMeter, Event } from "../data/shapes";
import { href } from "../router";
import { hasCredits, left, titleOf } from "../text/meters";
import { Big } from "../text/numbers";
import { counted, t } from "../text/words";
import { Ago } from "./ago";
import { Await } from "./await";
import { Card, Empty } from "./page";
import { Named, Table } from "./table";

const FRESH_MILLISECONDS = 15_000;
const LOOKED_AT = 50;
const MOST_CUSTOMERS = 6;

interface ActiveCustomer {
  customer: Customer;
  last: string;
}

export function Active(): JSX.Element {
  const latest = useRead("/v1/events/", { query: { limit: LOOKED_AT } }, { every: FRESH_MILLISECONDS });
  const active = latest.data ? lastActive(latest.data.items) : [];
  const balances = useRead(
    "/v1/customer-meters/",
    { query: { customer_id: active.map(({ customer }) => customer.id), limit: 100 } },
    { every: FRESH_MILLISECONDS, skip: active.length === 0, keep: true },
  );
  const of = (row: ActiveCustomer): CustomerMeter[] =>
    balances.data?.items.filter((one) => one.customer_id === row.customer.id && hasCredits(one.meter)) ?? [];
  return (
    <Card title={t("Recently active")} flush actions={<a href={href(["customers"])}>{t("All customers")}</a>}>
      <Await of={latest}>
        {() =>
          active.length === 0 ? (
            <Empty icon="customers" title={t("Nobody was active yet")}>
              {t("Customers appear here with their first event.")}
            </Empty>
          ) : (
            <Table
              caption={t("Recently active customers")}
              rows={active}
              keyOf={(row) => row.customer.id}
              linkOf={(row) => href(["customers", row.customer.id])}
              columns={[
                {
                  name: t("Customer"),
                  show: (row) => (
                    <>
                      <Named name={titleOf(row.customer)} />
                      <small>
                        <Ago time={row.last} />
                      </small>
                    </>
                  ),
                },
                { name: t("Left"), number: true, show: (row) => <Left balances={of(row)} /> },
              ]}
            />
          )
        }
      </Await>
    </Card>
  );
}

function lastActive(events: Event[]): ActiveCustomer[] {
  const found = new Map<string, ActiveCustomer>();
  for (const { customer, timestamp } of events) {
    if (customer && !customer.deleted_at && !found.has(customer.id))
      found.set(customer.id, { customer, last: timestamp });
  }
  return [...found.values()].slice(0, MOST_CUSTOMERS);
}

const MOST_BALANCES = 2;

function Left({ balances }: { balances: CustomerMeter[] }): JSX.Element {
  const more = balances.length - MOST_BALANCES;
  return (
    <span class="stack">
      {balances.slice(0, MOST_BALANCES).map((one) => (
        <span key={one.id} class={one.balance.gt(0) && one.available_credits.eq(0) ? "over" : ""}>
          {left(one.meter, one)}
        </span>
      ))}
      {more > 0 && <small>{counted(new Big(more), "and {n} more meter", "and {n} more meters")}</small>}
    </span>
  );
}
