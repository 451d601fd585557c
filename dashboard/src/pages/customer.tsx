import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../loading";
import { describeAggregation, hasCredits, left, standing } from "../meters";
import { exact } from "../numbers";
import { Button, Copyable } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { CustomerForm } from "../parts/customer_form";
import { EventTable } from "../parts/event_table";
import { Form, useSending } from "../parts/forms";
import { GrantForm, LostGrant } from "../parts/grant";
import { Await, Card, Dialog, Empty, Notice, Page } from "../parts/layout";
import { MetadataList } from "../parts/metadata";
import { Usage } from "../parts/usage";
import { go, href } from "../router";
import { useSession } from "../session";
import type { Balance, Customer, Event, List, Meter, State } from "../shapes";

const FRESH_MILLISECONDS = 5_000;
const MOST_METERS = 100;
const SHORT_CHARACTERS = 12;

interface Shown {
  customer: State;
  meters: Meter[];
  /** Those that have counted something of this customer, as their cards are ordered. */
  used: Meter[];
}

export function CustomerPage({ id }: { id: string }): JSX.Element {
  const { api, allows } = useSession();
  const [open, setOpen] = useState<"edit" | "delete" | "grant">();
  const found = useLoad<Shown>(
    async (signal) => {
      const [customer, meters] = await Promise.all([
        api.get<State>(`v1/customers/${encodeURIComponent(id)}/state`, {}, signal),
        allows("meters:read")
          ? api.get<List<Meter>>("v1/meters/", { limit: MOST_METERS }, signal).then((list) => list.items)
          : [],
      ]);
      const used = customer.active_meters.flatMap(
        (balance) => meters.find((meter) => meter.id === balance.meter_id) ?? [],
      );
      return { customer, meters, used };
    },
    [id],
    { every: FRESH_MILLISECONDS },
  );
  const events = useLoad(
    (signal) => api.get<List<Event>>("v1/events/", { customer_id: id, limit: 10 }, signal),
    [id],
    { every: FRESH_MILLISECONDS, skip: !allows("events:read") },
  );
  const customer = found.data?.customer;
  const refresh = async (): Promise<void> => {
    await Promise.all([found.reload(), events.reload()]);
  };
  const close = (): void => setOpen(undefined);
  return (
    <Page
      title={customer ? (customer.name ?? customer.email) : "Customer"}
      above={<a href={href(["customers"])}>Customers</a>}
      below={customer?.name ? customer.email : undefined}
      actions={
        customer && (
          <>
            <Button needs="customers:write" onClick={() => setOpen("edit")}>
              Edit
            </Button>
            <Button kind="danger" needs="customers:write" onClick={() => setOpen("delete")}>
              Delete
            </Button>
            <Button
              kind="primary"
              icon="plus"
              needs={allows("events:write") ? "meters:read" : "events:write"}
              onClick={() => setOpen("grant")}
            >
              Grant credits
            </Button>
          </>
        )
      }
    >
      <Await of={found} lines={8}>
        {({ customer, meters, used }) => (
          <>
            <LostGrant customerId={customer.id} onDone={refresh} />
            {!allows("meters:read") && (
              <Notice>Meters have no names here: your token lacks the scope meters:read.</Notice>
            )}
            <Balances customer={customer} meters={meters} />
            <div class="columns">
              <div class="main-column">
                {used.length > 0 && <Usage title="Usage" meters={used} customerId={customer.id} />}
                <Card
                  flush
                  title="Latest events"
                  actions={<a href={href(["events"], { customer_id: customer.id })}>All events</a>}
                >
                  {allows("events:read") ? (
                    <Await of={events}>
                      {(list) =>
                        list.items.length === 0 ? (
                          <Empty icon="events" title="Nothing has happened yet">
                            Usage and grants of this customer appear here at once.
                          </Empty>
                        ) : (
                          <EventTable events={list.items} withoutCustomer />
                        )
                      }
                    </Await>
                  ) : (
                    <Notice>Your token lacks the scope events:read.</Notice>
                  )}
                </Card>
              </div>
              <Profile customer={customer} />
            </div>
            {open === "grant" && (
              <Dialog title="Grant credits" onClose={close}>
                <GrantForm customer={customer} meters={meters} onClose={close} onDone={refresh} />
              </Dialog>
            )}
            {open === "edit" && (
              <Dialog title="Edit customer" onClose={close}>
                <CustomerForm
                  customer={customer}
                  onCancel={close}
                  onDone={() => {
                    close();
                    announce("Saved");
                    void found.reload();
                  }}
                />
              </Dialog>
            )}
            {open === "delete" && (
              <Dialog title="Delete customer" onClose={close}>
                <DeleteForm customer={customer} onCancel={close} />
              </Dialog>
            )}
          </>
        )}
      </Await>
    </Page>
  );
}

function Balances({ customer, meters }: Pick<Shown, "customer" | "meters">): JSX.Element {
  const { allows } = useSession();
  const known = new Map(meters.map((meter) => [meter.id, meter]));
  if (customer.active_meters.length === 0) {
    const none = meters.length === 0 && allows("meters:read");
    return (
      <Card>
        <Empty icon="meters" title={none ? "No meters yet" : "No meter has counted anything yet"}>
          {none ? (
            <a href={href(["meters", "new"])}>Create a meter to say what is counted.</a>
          ) : (
            "Grant credits, or send the first event of this customer."
          )}
        </Empty>
      </Card>
    );
  }
  return (
    <div class="cards">
      {customer.active_meters.map((balance) => (
        <BalanceCard key={balance.id} balance={balance} meter={known.get(balance.meter_id)} />
      ))}
    </div>
  );
}

function BalanceCard({ balance, meter }: { balance: Balance; meter: Meter | undefined }): JSX.Element {
  const credits = !meter || hasCredits(meter);
  const over = credits && balance.balance.gt(0);
  const figure = exact(credits ? balance.available_credits : balance.balance);
  return (
    <section class={`card balance ${over ? "overdrawn" : ""}`}>
      <h2>{meter ? <a href={href(["meters", meter.id])}>{meter.name}</a> : balance.meter_id}</h2>
      <p class="big" data-testid="left">
        <strong class={figure.length > SHORT_CHARACTERS ? "long" : undefined}>{figure}</strong>{" "}
        <span>
          {credits
            ? balance.available_credits.eq(1)
              ? "credit left"
              : "credits left"
            : describeAggregation(meter.aggregation).toLowerCase()}
        </span>
      </p>
      {over && meter && <p class="badge bad">{left(meter, balance)}</p>}
      {!balance.complete && <p class="badge">still counting the past</p>}
      {credits && (
        <dl class="figures-row">
          <div>
            <dt>Balance</dt>
            <dd title={`As the API shows it: ${exact(balance.balance)}`}>
              {standing(balance.balance)}
            </dd>
          </div>
          <div>
            <dt>Used</dt>
            <dd>{exact(balance.used_units)}</dd>
          </div>
          <div>
            <dt>Granted</dt>
            <dd>{exact(balance.granted_units)}</dd>
          </div>
          <div>
            <dt>Held</dt>
            <dd>{exact(balance.held_units)}</dd>
          </div>
        </dl>
      )}
    </section>
  );
}

function Profile({ customer }: { customer: Customer }): JSX.Element {
  return (
    <Card title="Profile">
      <dl class="facts">
        <dt>Email</dt>
        <dd>
          <Copyable what="email" text={customer.email} />
        </dd>
        <dt>Name</dt>
        <dd>{customer.name ?? "–"}</dd>
        <dt>External ID</dt>
        <dd>{customer.external_id === null ? "not set" : <Copyable what="external id" text={customer.external_id} />}</dd>
        <dt>ID</dt>
        <dd>
          <Copyable what="id" text={customer.id} />
        </dd>
        <dt>Created</dt>
        <dd>
          <Ago time={customer.created_at} />
        </dd>
      </dl>
      {Object.keys(customer.metadata).length > 0 && <MetadataList metadata={customer.metadata} />}
    </Card>
  );
}

function DeleteForm({ customer, onCancel }: { customer: Customer; onCancel(): void }): JSX.Element {
  const { api } = useSession();
  const [anonymize, setAnonymize] = useState(false);
  const sending = useSending([]);
  const submit = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/customers/${customer.id}`, { anonymize });
      announce(`${customer.email} was deleted`);
      go(href(["customers"]));
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        <strong>{customer.email}</strong> can no longer be charged or granted anything, and the email and the external
        id are free for somebody else. The events stay in the log.
      </p>
      <label class="check">
        <input
          type="checkbox"
          checked={anonymize}
          onChange={(event) => setAnonymize(event.currentTarget.checked)}
        />
        <span>Erase the email and the name too</span>
      </label>
      <div class="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="customers:write">
          Delete customer
        </Button>
      </div>
    </Form>
  );
}
