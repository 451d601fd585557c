/**
 * Calls every endpoint through the published client and prints what it made of the answers: a line
 * of JSON a step, the same steps with the same values from each of the four drivers.
 */
import { Polar } from "@polar-sh/sdk";
import type { Customer } from "@polar-sh/sdk/models/components/customer.js";
import type { CustomerState } from "@polar-sh/sdk/models/components/customerstate.js";
import type { Event } from "@polar-sh/sdk/models/components/event.js";
import type { Meter } from "@polar-sh/sdk/models/components/meter.js";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { PolarError } from "@polar-sh/sdk/models/errors/polarerror.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";

const serverURL = process.env.AUREON_URL!;
const accessToken = process.env.AUREON_ACCESS_TOKEN!;
const tag = process.env.TAG!; // makes this run's names its own
const externalId = `user-${tag}`;
const name = `api_usage-${tag}`;
const nobody = crypto.randomUUID();

const polar = new Polar({ accessToken, serverURL });

function show(step: string, value: unknown) {
  console.log(JSON.stringify({ step, value }));
}

function aboutCustomer(customer: Customer | CustomerState) {
  const { email, name, externalId, metadata, organizationId } = customer;
  return { email, name, external_id: externalId, metadata, organization_id: organizationId };
}

function aboutMeter(meter: Meter) {
  const { name, unit, filter, aggregation, metadata, archivedAt } = meter;
  return { name, unit, filter, aggregation, metadata, archived: archivedAt !== null };
}

function aboutEvent(event: Event) {
  const { name, label, source, customer, externalCustomerId, metadata } = event;
  return {
    name,
    label,
    source,
    customer: customer?.email,
    external_customer_id: externalCustomerId,
    metadata,
  };
}

/** What follows ingestion by a moment, once it is as it must be; or as it was in the end. */
async function awaited<Value>(read: () => Promise<Value>, reached: (value: Value) => boolean) {
  let value = await read();
  for (let tries = 0; tries < 200 && !reached(value); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    value = await read();
  }
  return value;
}

async function collected<Item>(pages: AsyncIterable<{ result: { items: Item[] } }>) {
  const items: Item[] = [];
  for await (const page of pages) items.push(...page.result.items);
  return items;
}

async function raised(call: () => Promise<unknown>) {
  try {
    return await call();
  } catch (error) {
    const status = error instanceof PolarError ? error.statusCode : null;
    if (error instanceof ResourceNotFound) return { status, detail: error.detail };
    if (error instanceof HTTPValidationError) {
      return { status, loc: error.detail?.map((each) => each.loc) };
    }
    if (error instanceof PolarError) return { status, error: JSON.parse(error.body).error };
    throw error;
  }
}

// Customers

const customer = await polar.customers.create({
  email: `${tag}@example.com`,
  name: "John Doe",
  externalId,
  metadata: { plan: "pro", seats: 3, tag },
});
show("customers.create", aboutCustomer(customer));
const other = await polar.customers.create({ email: `other-${tag}@example.com` });
show("customers.create: e-mail alone", aboutCustomer(other));
const team = await polar.customers.create({
  type: "team",
  email: `team-${tag}@example.com`,
  billingAddress: { country: "DE", line1: "Unter den Linden 1", postalCode: "10117" },
  taxId: "DE123456789",
  locale: "de",
});
const teamState = await polar.customers.getState({ id: team.id });
show("customers.create: a team, with its address", {
  types: [team.type, teamState.type],
  country: team.billingAddress?.country,
  postal_code: team.billingAddress?.postalCode,
  tax_id: team.taxId,
  locale: team.locale,
});
show("customers.get", aboutCustomer(await polar.customers.get({ id: customer.id })));
show("customers.get_external", aboutCustomer(await polar.customers.getExternal({ externalId })));

const byEmail = await polar.customers.list({ email: `${tag}@EXAMPLE.com` });
show("customers.list: by e-mail", byEmail.result.items.map(aboutCustomer));
const byMetadata = await polar.customers.list({ metadata: { tag } });
show("customers.list: by metadata", byMetadata.result.items.map(aboutCustomer));
const pages = await polar.customers.list({ query: tag, sorting: ["email"], limit: 1 });
show("customers.list: page by page", {
  total_count: pages.result.pagination.totalCount,
  max_page: pages.result.pagination.maxPage,
  emails: (await collected(pages)).map((each) => each.email),
});

const renamed = await polar.customers.update({
  id: customer.id,
  customerUpdate: { name: "Jane Doe" },
});
show("customers.update", aboutCustomer(renamed));
const downgraded = await polar.customers.updateExternal({
  externalId,
  customerUpdateExternalID: { metadata: { plan: "free" } },
});
show("customers.update_external", aboutCustomer(downgraded));

// Meters

const meter = await polar.meters.create({
  name: `API calls ${tag}`,
  filter: { conjunction: "and", clauses: [{ property: "name", operator: "eq", value: name }] },
  aggregation: { func: "sum", property: "units" },
  metadata: { tag },
});
show("meters.create", aboutMeter(meter));
show("meters.get", aboutMeter(await polar.meters.get({ id: meter.id })));
const meters = await polar.meters.list({ query: tag, isArchived: false });
show("meters.list", meters.result.items.map(aboutMeter));
const retitled = await polar.meters.update({
  id: meter.id,
  meterUpdate: { name: `Calls ${tag}` },
});
show("meters.update", aboutMeter(retitled));

// Events and balances

/** The balance as each way to read it tells it. */
async function balances() {
  const byId = await polar.customerMeters.list({ customerId: customer.id, meterId: meter.id });
  const byExternalId = await polar.customerMeters.list({ externalCustomerId: externalId });
  const state = await polar.customers.getState({ id: customer.id });
  const stateExternal = await polar.customers.getStateExternal({ externalId });
  return {
    "customer_meters.list": byId.result.items.map((each) => each.balance),
    "customer_meters.list: external": byExternalId.result.items.map((each) => each.balance),
    "customers.get_state": state.activeMeters.map((each) => each.balance),
    "customers.get_state_external": stateExternal.activeMeters.map((each) => each.balance),
    available_credits: await availableCredits(),
  };
}

/** The client drops the fields that it does not know, so this one is read without it. */
async function availableCredits() {
  const answer = await fetch(`${serverURL}/v1/customers/${customer.id}/state`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  const state = (await answer.json()) as { active_meters: { available_credits: number }[] };
  return state.active_meters.map((each) => each.available_credits);
}

show(
  "events.ingest: grant by customer id",
  await polar.events.ingest({
    events: [{ customerId: customer.id, name, metadata: { units: -10 } }],
  }),
);
show("balances: granted 10", await balances());

const use = {
  externalCustomerId: externalId,
  externalId: `use-${tag}`,
  name,
  timestamp: new Date(Date.now() - 60_000),
  metadata: { units: 3, model: "small", cached: false },
};
show("events.ingest: use, with an id", await polar.events.ingest({ events: [use] }));
show("events.ingest: the same id again", await polar.events.ingest({ events: [use] }));
show("balances: used 3", await balances());

show(
  "events.ingest: two events",
  await polar.events.ingest({
    events: [
      { customerId: customer.id, name, metadata: { units: 0.5 } },
      { customerId: customer.id, name, metadata: { units: 7.5 } },
    ],
  }),
);
show("balances: used 8 more", await balances());

show(
  "events.ingest: grant by external id",
  await polar.events.ingest({
    events: [{ externalCustomerId: externalId, name, metadata: { units: -10 } }],
  }),
);
show("balances: granted 10 more", await balances());

show(
  "events.ingest: before there is a customer",
  await polar.events.ingest({
    events: [{ externalCustomerId: `later-${tag}`, name, metadata: { units: -5 } }],
  }),
);
const later = await polar.customers.create({
  email: `later-${tag}@example.com`,
  externalId: `later-${tag}`,
});
const laterState = await polar.customers.getState({ id: later.id });
show(
  "customers.create: takes over earlier events",
  laterState.activeMeters.map((each) => each.balance),
);

// Reading balances

const ofMeter = await polar.customerMeters.list({ meterId: meter.id });
show("customer_meters.list: by meter", ofMeter.result.pagination.totalCount);
const listed = await polar.customerMeters.list({ customerId: customer.id });
const customerMeter = await polar.customerMeters.get({ id: listed.result.items[0]!.id });
show("customer_meters.get", {
  customer: aboutCustomer(customerMeter.customer),
  meter: aboutMeter(customerMeter.meter),
  balance: customerMeter.balance,
  consumed_units: customerMeter.consumedUnits,
  credited_units: customerMeter.creditedUnits,
});
const state = await polar.customers.getState({ id: customer.id });
show("customers.get_state", {
  customer: aboutCustomer(state),
  active_meters: state.activeMeters.map((each) => each.meterId === meter.id),
  active_subscriptions: state.activeSubscriptions,
  granted_benefits: state.grantedBenefits,
});

// Reading events and quantities

const mine = await polar.events.list({ customerId: customer.id });
show(
  "events.list: by customer",
  mine.items.map((each) => ("units" in each.metadata ? each.metadata.units : null)),
);
const chosen = await polar.events.list({
  externalCustomerId: externalId,
  name: [name, "nothing"],
  source: "user",
  meterId: meter.id,
  query: tag,
  metadata: { model: "small" },
  startTimestamp: new Date(Date.now() - 3_600_000),
  endTimestamp: new Date(Date.now() + 3_600_000),
  sorting: ["timestamp"],
  limit: 5,
});
show("events.list: by every filter", chosen.items.map(aboutEvent));
show("events.get", aboutEvent(await polar.events.get({ id: chosen.items[0]!.id })));
const named = await awaited(
  async () => (await polar.events.listNames({ query: tag, customerId: customer.id })).result.items,
  (names) => names[0]?.occurrences === 5,
);
show(
  "events.list_names",
  named.map((each) => ({
    name: each.name,
    source: each.source,
    occurrences: each.occurrences,
    ordered: each.firstSeen < each.lastSeen,
  })),
);
const span = {
  id: meter.id,
  startTimestamp: new Date(Date.now() - 2 * 86_400_000),
  endTimestamp: new Date(Date.now() + 3_600_000),
  interval: "day" as const,
  timezone: "Asia/Kathmandu",
};
const quantities = await awaited(
  () => polar.meters.quantities(span),
  ({ total }) => total === -14,
);
show("meters.quantities", {
  total: quantities.total,
  sum: quantities.quantities.reduce((sum, each) => sum + each.quantity, 0),
  first: quantities.quantities[0]?.timestamp.toISOString().slice(11, 16),
});
const ofCustomer = await awaited(
  () => polar.meters.quantities({ ...span, customerId: customer.id, interval: "month" }),
  ({ total }) => total === -9,
);
const ofModel = await polar.meters.quantities({
  ...span,
  externalCustomerId: externalId,
  metadata: { model: "small" },
});
show("meters.quantities: by customer and metadata", [ofCustomer.total, ofModel.total]);

// The customer's own portal

const byId = await polar.customerSessions.create({ customerId: customer.id });
const session = await polar.customerSessions.create({
  externalCustomerId: externalId,
  returnUrl: "https://example.com/home",
});
const opened = { customerSession: session.token };
const portal = polar.customerPortal;
const own = await portal.customerMeters.list({ customerSession: byId.token }, { meterId: meter.id });
const me = await portal.customers.get(opened);
const user = await portal.customerSession.getAuthenticatedUser(opened);
const [ownMeter] = own.result.items;
const orders = await portal.orders.list(opened, {});
const subscriptions = await portal.subscriptions.list(opened, {});
const benefits = await portal.benefitGrants.list(opened, {});
const customerOnly = new Polar({ accessToken: session.token, serverURL });
show("customer_portal", {
  customer: [me.email, me.name],
  user: [user.type, user.email],
  meters: own.result.items.map((each) => [
    each.meter.name,
    each.balance,
    each.consumedUnits,
    each.creditedUnits,
  ]),
  meter: (await portal.customerMeters.get(opened, { id: ownMeter!.id })).balance,
  empty: [orders, subscriptions, benefits].map((each) => each.result.pagination.totalCount),
  page:
    session.customerPortalUrl.startsWith(`${serverURL}/portal?`) &&
    session.customerPortalUrl.endsWith(`#${session.token}`),
  return_url: (await portal.customerSession.introspect(opened)).returnUrl,
  elsewhere: await raised(() => customerOnly.customers.list({})),
  "with a token": await raised(() => portal.customers.get({ customerSession: accessToken })),
});

// The archive

const archived = await polar.meters.update({ id: meter.id, meterUpdate: { isArchived: true } });
show("meters.update: archive", aboutMeter(archived));
const living = await polar.meters.list({ query: tag, isArchived: false });
const resting = await polar.meters.list({ query: tag, isArchived: true });
show("meters.list: archived", [living, resting].map((each) => each.result.items.length));
show("balances: archived", await balances());

// Deletion

await polar.customers.delete({ id: other.id });
show("customers.delete", await raised(() => polar.customers.get({ id: other.id })));
await polar.customers.deleteExternal({ externalId: `later-${tag}`, anonymize: true });
show(
  "customers.delete_external",
  await raised(() => polar.customers.getExternal({ externalId: `later-${tag}` })),
);

// Errors

show("errors: not found", [
  await raised(() => polar.customers.get({ id: nobody })),
  await raised(() => polar.customers.getExternal({ externalId: nobody })),
  await raised(() => polar.customers.update({ id: nobody, customerUpdate: { name: "No" } })),
  await raised(() => polar.customers.delete({ id: nobody })),
  await raised(() => polar.customers.getState({ id: nobody })),
  await raised(() => polar.customers.getStateExternal({ externalId: nobody })),
  await raised(() => polar.meters.get({ id: nobody })),
  await raised(() => polar.meters.update({ id: nobody, meterUpdate: { name: "None" } })),
  await raised(() => polar.customerMeters.get({ id: nobody })),
  await raised(() => polar.events.get({ id: nobody })),
  await raised(() => polar.meters.quantities({ ...span, id: nobody })),
]);
show(
  "errors: e-mail taken",
  await raised(() => polar.customers.create({ email: `${tag}@example.com` })),
);
show(
  "errors: one bad event",
  await raised(() =>
    polar.events.ingest({
      events: [
        { customerId: customer.id, name, metadata: { units: 1 } },
        { customerId: nobody, name, metadata: { units: 1 } },
      ],
    }),
  ),
);
const stranger = new Polar({ accessToken: "aureon_oat_wrong", serverURL });
show("errors: wrong token", await raised(() => stranger.customers.list({})));

const slashed = new Polar({ accessToken, serverURL: `${serverURL}/` });
show("base URL that ends in a slash", aboutCustomer(await slashed.customers.get({ id: customer.id })));
