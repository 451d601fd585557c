/**
 * Calls every endpoint through the published client and prints what it made of the answers: a line
 * of JSON a step, the same steps with the same values from each of the four drivers.
 */
import { PolarClientError } from "@polar-sh/sdk";
import { createPolar, errors, type models } from "@polar-sh/sdk/2026-10";

const baseUrl = process.env.AUREON_URL!;
const accessToken = process.env.AUREON_ACCESS_TOKEN!;
const tag = process.env.TAG!; // makes this run's names its own
const externalId = `user-${tag}`;
const name = `api_usage-${tag}`;
const nobody = crypto.randomUUID();

const polar = createPolar({ accessToken, baseUrl });

function show(step: string, value: unknown) {
  console.log(JSON.stringify({ step, value }));
}

function aboutCustomer(customer: models.Customer | models.CustomerState) {
  const { email, name, external_id, metadata, organization_id } = customer;
  return { email, name, external_id, metadata, organization_id };
}

function aboutMeter(meter: models.Meter) {
  const { name, unit, filter, aggregation, metadata, archived_at } = meter;
  return { name, unit, filter, aggregation, metadata, archived: archived_at !== null };
}

function aboutEvent(event: models.Event) {
  const { name, label, source, customer, external_customer_id, metadata } = event;
  return { name, label, source, customer: customer?.email, external_customer_id, metadata };
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

async function collected<Item>(found: AsyncIterable<Item>) {
  const items: Item[] = [];
  for await (const item of found) items.push(item);
  return items;
}

async function raised(call: () => Promise<unknown>) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof PolarClientError)) throw error;
    const status = error.statusCode;
    if (error instanceof errors.ResourceNotFound) return { status, detail: error.error.detail };
    if (error instanceof errors.HTTPValidationError) {
      return { status, loc: error.error.detail?.map((each) => each.loc) };
    }
    return { status, error: JSON.parse(error.error).error };
  }
}

// Customers

const customer = await polar.customers.create({
  email: `${tag}@example.com`,
  name: "John Doe",
  external_id: externalId,
  metadata: { plan: "pro", seats: 3, tag },
});
show("customers.create", aboutCustomer(customer));
const other = await polar.customers.create({ email: `other-${tag}@example.com` });
show("customers.create: e-mail alone", aboutCustomer(other));
const team = await polar.customers.create({
  type: "team",
  email: `team-${tag}@example.com`,
  billing_address: { country: "DE", line1: "Unter den Linden 1", postal_code: "10117" },
  tax_id: "DE123456789",
  locale: "de",
});
const teamState = await polar.customers.getState(team.id);
show("customers.create: a team, with its address", {
  types: [team.type, teamState.type],
  country: team.billing_address?.country,
  postal_code: team.billing_address?.postal_code,
  tax_id: team.tax_id,
  locale: team.locale,
});
show("customers.get", aboutCustomer(await polar.customers.get(customer.id)));
show("customers.get_external", aboutCustomer(await polar.customers.getExternal(externalId)));

const byEmail = await polar.customers.list({ email: `${tag}@EXAMPLE.com` });
show("customers.list: by e-mail", byEmail.items.map(aboutCustomer));
const byMetadata = await polar.customers.list({ metadata: { tag } });
show("customers.list: by metadata", byMetadata.items.map(aboutCustomer));
const pages = { query: tag, sorting: ["email" as const], limit: 1 };
const { pagination } = await polar.customers.list(pages);
show("customers.list: page by page", {
  total_count: pagination.total_count,
  max_page: pagination.max_page,
  emails: (await collected(polar.customers.iterList(pages))).map((each) => each.email),
});

const renamed = await polar.customers.update(customer.id, { name: "Jane Doe" });
show("customers.update", aboutCustomer(renamed));
const downgraded = await polar.customers.updateExternal(externalId, {
  metadata: { plan: "free" },
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
show("meters.get", aboutMeter(await polar.meters.get(meter.id)));
const meters = await polar.meters.list({ query: tag, is_archived: false });
show("meters.list", meters.items.map(aboutMeter));
const retitled = await polar.meters.update(meter.id, { name: `Calls ${tag}` });
show("meters.update", aboutMeter(retitled));

// Events and balances

/** The balance as each way to read it tells it. */
async function balances() {
  const byId = await polar.customerMeters.list({ customer_id: customer.id, meter_id: meter.id });
  const byExternalId = await polar.customerMeters.list({ external_customer_id: externalId });
  const state = await polar.customers.getState(customer.id);
  const stateExternal = await polar.customers.getStateExternal(externalId);
  return {
    "customer_meters.list": byId.items.map((each) => each.balance),
    "customer_meters.list: external": byExternalId.items.map((each) => each.balance),
    "customers.get_state": state.active_meters.map((each) => each.balance),
    "customers.get_state_external": stateExternal.active_meters.map((each) => each.balance),
    available_credits: state.active_meters.map(availableCredits),
  };
}

/** The client hands on the fields that it does not know. */
function availableCredits(meter: object) {
  return (meter as { available_credits: number }).available_credits;
}

show(
  "events.ingest: grant by customer id",
  await polar.events.ingest({
    events: [{ customer_id: customer.id, name, metadata: { units: -10 } }],
  }),
);
show("balances: granted 10", await balances());

const use = {
  external_customer_id: externalId,
  external_id: `use-${tag}`,
  name,
  timestamp: new Date(Date.now() - 60_000).toISOString(),
  metadata: { units: 3, model: "small", cached: false },
};
show("events.ingest: use, with an id", await polar.events.ingest({ events: [use] }));
show("events.ingest: the same id again", await polar.events.ingest({ events: [use] }));
show("balances: used 3", await balances());

show(
  "events.ingest: two events",
  await polar.events.ingest({
    events: [
      { customer_id: customer.id, name, metadata: { units: 0.5 } },
      { customer_id: customer.id, name, metadata: { units: 7.5 } },
    ],
  }),
);
show("balances: used 8 more", await balances());

show(
  "events.ingest: grant by external id",
  await polar.events.ingest({
    events: [{ external_customer_id: externalId, name, metadata: { units: -10 } }],
  }),
);
show("balances: granted 10 more", await balances());

show(
  "events.ingest: before there is a customer",
  await polar.events.ingest({
    events: [{ external_customer_id: `later-${tag}`, name, metadata: { units: -5 } }],
  }),
);
const later = await polar.customers.create({
  email: `later-${tag}@example.com`,
  external_id: `later-${tag}`,
});
const laterState = await polar.customers.getState(later.id);
show(
  "customers.create: takes over earlier events",
  laterState.active_meters.map((each) => each.balance),
);

// Reading balances

const ofMeter = await polar.customerMeters.list({ meter_id: meter.id });
show("customer_meters.list: by meter", ofMeter.pagination.total_count);
const listed = await polar.customerMeters.list({ customer_id: customer.id });
const customerMeter = await polar.customerMeters.get(listed.items[0]!.id);
show("customer_meters.get", {
  customer: aboutCustomer(customerMeter.customer),
  meter: aboutMeter(customerMeter.meter),
  balance: customerMeter.balance,
  consumed_units: customerMeter.consumed_units,
  credited_units: customerMeter.credited_units,
});
const state = await polar.customers.getState(customer.id);
show("customers.get_state", {
  customer: aboutCustomer(state),
  active_meters: state.active_meters.map((each) => each.meter_id === meter.id),
  active_subscriptions: state.active_subscriptions,
  granted_benefits: state.granted_benefits,
});

// Reading events and quantities

const mine = await polar.events.list({ customer_id: customer.id });
show(
  "events.list: by customer",
  mine.items.map((each) => ("units" in each.metadata ? each.metadata.units : null)),
);
const chosen = await polar.events.list({
  external_customer_id: externalId,
  name: [name, "nothing"],
  source: "user",
  meter_id: meter.id,
  query: tag,
  metadata: { model: "small" },
  start_timestamp: new Date(Date.now() - 3_600_000).toISOString(),
  end_timestamp: new Date(Date.now() + 3_600_000).toISOString(),
  sorting: ["timestamp"],
  limit: 5,
});
show("events.list: by every filter", chosen.items.map(aboutEvent));
show("events.get", aboutEvent(await polar.events.get(chosen.items[0]!.id)));
const named = await awaited(
  async () => (await polar.events.listNames({ query: tag, customer_id: customer.id })).items,
  (names) => names[0]?.occurrences === 5,
);
show(
  "events.list_names",
  named.map((each) => ({
    name: each.name,
    source: each.source,
    occurrences: each.occurrences,
    ordered: each.first_seen < each.last_seen,
  })),
);
const span = {
  start_timestamp: new Date(Date.now() - 2 * 86_400_000).toISOString(),
  end_timestamp: new Date(Date.now() + 3_600_000).toISOString(),
  interval: "day" as const,
  timezone: "Asia/Kathmandu" as const,
};
const quantities = await awaited(
  () => polar.meters.quantities(meter.id, span),
  ({ total }) => total === -14,
);
show("meters.quantities", {
  total: quantities.total,
  sum: quantities.quantities.reduce((sum, each) => sum + each.quantity, 0),
  first: quantities.quantities[0]?.timestamp.slice(11, 16),
});
const ofCustomer = await awaited(
  () =>
    polar.meters.quantities(meter.id, { ...span, customer_id: customer.id, interval: "month" }),
  ({ total }) => total === -9,
);
const ofModel = await polar.meters.quantities(meter.id, {
  ...span,
  external_customer_id: externalId,
  metadata: { model: "small" },
});
show("meters.quantities: by customer and metadata", [ofCustomer.total, ofModel.total]);

// The customer's own portal

const byId = await polar.customerSessions.create({ customer_id: customer.id });
const session = await polar.customerSessions.create({
  external_customer_id: externalId,
  return_url: "https://example.com/home",
});
const portalOf = (token: string) => createPolar({ accessToken: token, baseUrl });
const opened = portalOf(session.token);
const portal = opened.customerPortal;
const own = await portalOf(byId.token).customerPortal.customerMeters.list({ meter_id: meter.id });
const me = await portal.customers.get();
const user = await portal.customerSession.getAuthenticatedUser();
const [ownMeter] = own.items;
const orders = await portal.orders.list();
const subscriptions = await portal.subscriptions.list();
const benefits = await portal.benefitGrants.list();
show("customer_portal", {
  customer: [me.email, me.name],
  user: [user.type, user.email],
  meters: own.items.map((each) => [
    each.meter.name,
    each.balance,
    each.consumed_units,
    each.credited_units,
  ]),
  meter: (await portal.customerMeters.get(ownMeter!.id)).balance,
  empty: [orders, subscriptions, benefits].map((each) => each.pagination.total_count),
  page:
    session.customer_portal_url.startsWith(`${baseUrl}/portal?`) &&
    session.customer_portal_url.endsWith(`#${session.token}`),
  return_url: (await portal.customerSession.introspect()).return_url,
  elsewhere: await raised(() => opened.customers.list()),
  "with a token": await raised(() => polar.customerPortal.customers.get()),
});

// The archive

const archived = await polar.meters.update(meter.id, { is_archived: true });
show("meters.update: archive", aboutMeter(archived));
const living = await polar.meters.list({ query: tag, is_archived: false });
const resting = await polar.meters.list({ query: tag, is_archived: true });
show("meters.list: archived", [living, resting].map((each) => each.items.length));
show("balances: archived", await balances());

// Deletion

await polar.customers.delete(other.id);
show("customers.delete", await raised(() => polar.customers.get(other.id)));
await polar.customers.deleteExternal(`later-${tag}`, { anonymize: true });
show(
  "customers.delete_external",
  await raised(() => polar.customers.getExternal(`later-${tag}`)),
);

// Errors

show("errors: not found", [
  await raised(() => polar.customers.get(nobody)),
  await raised(() => polar.customers.getExternal(nobody)),
  await raised(() => polar.customers.update(nobody, { name: "No" })),
  await raised(() => polar.customers.delete(nobody)),
  await raised(() => polar.customers.getState(nobody)),
  await raised(() => polar.customers.getStateExternal(nobody)),
  await raised(() => polar.meters.get(nobody)),
  await raised(() => polar.meters.update(nobody, { name: "None" })),
  await raised(() => polar.customerMeters.get(nobody)),
  await raised(() => polar.events.get(nobody)),
  await raised(() => polar.meters.quantities(nobody, span)),
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
        { customer_id: customer.id, name, metadata: { units: 1 } },
        { customer_id: nobody, name, metadata: { units: 1 } },
      ],
    }),
  ),
);
const stranger = createPolar({ accessToken: "aureon_oat_wrong", baseUrl });
show("errors: wrong token", await raised(() => stranger.customers.list()));

const slashed = createPolar({ accessToken, baseUrl: `${baseUrl}/` });
show("base URL that ends in a slash", aboutCustomer(await slashed.customers.get(customer.id)));
