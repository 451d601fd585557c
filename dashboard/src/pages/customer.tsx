import type { JSX } from "preact";
import { together, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, Meter, Scope, State } from "../data/shapes";
import { Button, Copyable, Menu } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Await, Cut } from "../parts/await";
import { Balances } from "../parts/balances";
import { CustomerAlerts } from "../parts/customer_alerts";
import { CustomerForm } from "../parts/customer_form";
import { CustomerThresholds } from "../parts/customer_thresholds";
import { DeleteCustomer } from "../parts/delete_customer";
import { Dialog } from "../parts/dialog";
import { EventTable } from "../parts/event_table";
import { GrantForm, LostGrant } from "../parts/grant";
import { Holds } from "../parts/holds";
import { MetadataList } from "../parts/metadata";
import { Card, Empty, Notice, Page } from "../parts/page";
import { Usage } from "../parts/usage";
import { amend, href } from "../router";
import { emailOf, titleOf } from "../text/meters";
import { t } from "../text/words";

const FRESH_MILLISECONDS = 5_000;
const MOST_METERS = 100;
const NO_METERS: Meter[] = [];
const GRANTING: Scope[] = ["credits:grant", "meters:read"];

export function CustomerPage({ id, query }: { id: string; query: URLSearchParams }): JSX.Element {
  const { allows } = useSession();
  const state = useRead(
    "/v1/customers/{id}/state",
    { path: { id }, query: { lots: true } },
    { every: FRESH_MILLISECONDS },
  );
  const list = useRead("/v1/meters/", { query: { limit: MOST_METERS } }, { skip: !allows("meters:read") });
  const found = allows("meters:read") ? together({ state, list }) : together({ state });
  const customer = state.data;
  const meters: Meter[] = list.data?.items ?? NO_METERS;
  const open = (name: string) => () => amend({ open: name });
  return (
    <Page
      title={customer ? titleOf(customer) : t("Customer")}
      above={<a href={href(["customers"])}>{t("Customers")}</a>}
      below={customer?.name ? emailOf(customer) : undefined}
      actions={
        customer && (
          <>
            <Button
              kind="primary"
              icon="plus"
              needs={GRANTING.find((scope) => !allows(scope)) ?? "credits:grant"}
              onClick={open("grant")}
            >
              {t("Grant credits")}
            </Button>
            <Menu label={t("More actions")}>
              <Button needs="customers:write" onClick={open("edit")}>
                {t("Edit")}
              </Button>
              <Button kind="danger" needs="customers:write" onClick={open("delete")}>
                {t("Delete")}
              </Button>
            </Menu>
          </>
        )
      }
    >
      <Await of={found} lines={8}>
        {({ state }) => (
          <>
            <LostGrant customerId={state.id} />
            {!allows("meters:read") && (
              <Notice>{t("Meter names are missing: your token lacks the scope meters:read.")}</Notice>
            )}
            {state.active_meters.length > 0 ? (
              <Balances
                customerId={state.id}
                balances={state.active_meters}
                meters={new Map(meters.map((meter) => [meter.id, meter]))}
              />
            ) : (
              <NoBalances none={meters.length === 0 && allows("meters:read")} />
            )}
            <Cut shown={meters.length} of={list.data?.pagination.total_count} />
            <div class="columns">
              <div class="main-column">
                <CustomerUsage customer={state} meters={meters} />
                <Holds customer={state} meters={meters} />
                <CustomerAlerts customer={state} meters={meters} />
                <LatestEvents customer={state} />
              </div>
              <Profile customer={state} />
            </div>
            <Open
              name={query.get("open")}
              meter={meters.find(({ id }) => id === query.get("meter"))}
              customer={state}
              meters={meters}
            />
          </>
        )}
      </Await>
    </Page>
  );
}

interface OpenProps {
  name: string | null;
  /** The meter that the form is about, if it is about one. */
  meter: Meter | undefined;
  customer: State;
  meters: Meter[];
}

/** The form that the address says is open. */
function Open({ name, meter, customer, meters }: OpenProps): JSX.Element | null {
  const { refresh } = useSession();
  const close = (): void => amend({ open: "", meter: "" });
  switch (name) {
    case "grant":
      return (
        <Dialog title={t("Grant credits")} onClose={close}>
          <GrantForm customer={customer} meters={meters} onClose={close} />
        </Dialog>
      );
    case "edit":
      return (
        <Dialog title={t("Edit customer")} onClose={close}>
          <CustomerForm
            customer={customer}
            onCancel={close}
            onDone={() => {
              close();
              announce(t("Saved"));
              void refresh();
            }}
          />
        </Dialog>
      );
    case "delete":
      return (
        <Dialog title={t("Delete customer")} onClose={close}>
          <DeleteCustomer customer={customer} onCancel={close} />
        </Dialog>
      );
    case "thresholds":
      return meter ? (
        <Dialog title={t("Thresholds")} onClose={close}>
          <CustomerThresholds customer={customer} meter={meter} onClose={close} />
        </Dialog>
      ) : null;
    default:
      return null;
  }
}

function NoBalances({ none }: { none: boolean }): JSX.Element {
  return (
    <Card>
      <Empty icon="meters" title={none ? t("No meters yet") : t("No meter has counted anything yet")}>
        {none ? (
          <a href={href(["meters", "new"])}>{t("Create a meter to say what is counted.")}</a>
        ) : (
          t("Grant credits, or send this customer's first event.")
        )}
      </Empty>
    </Card>
  );
}

/** The usage of those meters that have counted something of this customer, as their balances are ordered. */
function CustomerUsage({ customer, meters }: { customer: State; meters: Meter[] }): JSX.Element | null {
  const used = customer.active_meters.flatMap(
    (balance) => meters.find(({ id }) => id === balance.meter_id) ?? [],
  );
  return used.length > 0 ? <Usage title={t("Usage")} meters={used} customerId={customer.id} /> : null;
}

function LatestEvents({ customer }: { customer: Customer }): JSX.Element {
  const { allows } = useSession();
  const events = useRead(
    "/v1/events/",
    { query: { customer_id: customer.id, limit: 10 } },
    { every: FRESH_MILLISECONDS, skip: !allows("events:read") },
  );
  return (
    <Card
      flush
      title={t("Latest events")}
      actions={<a href={href(["events"], { customer_id: customer.id })}>{t("All events")}</a>}
    >
      {allows("events:read") ? (
        <Await of={events}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty icon="events" title={t("Nothing has happened yet")}>
                {t("This customer's usage and grants appear here at once.")}
              </Empty>
            ) : (
              <EventTable events={items} withoutCustomer />
            )
          }
        </Await>
      ) : (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "events:read" })}</Notice>
      )}
    </Card>
  );
}

function Profile({ customer }: { customer: Customer }): JSX.Element {
  return (
    <Card title={t("Profile")}>
      <dl class="facts">
        <dt>{t("Email")}</dt>
        <dd>
          <Copyable what={t("email")} text={customer.email} />
        </dd>
        <dt>{t("Name")}</dt>
        <dd>{customer.name ?? "–"}</dd>
        <dt>{t("External ID")}</dt>
        <dd>
          {customer.external_id === null ? (
            t("not set")
          ) : (
            <Copyable what={t("external id")} text={customer.external_id} />
          )}
        </dd>
        <dt>ID</dt>
        <dd>
          <Copyable what={t("id")} text={customer.id} />
        </dd>
        <dt>{t("Created")}</dt>
        <dd>
          <Ago time={customer.created_at} />
        </dd>
      </dl>
      {Object.keys(customer.metadata).length > 0 && <MetadataList metadata={customer.metadata} />}
    </Card>
  );
}
