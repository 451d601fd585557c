/**
 * Manages webhooks through the published client, and verifies what arrives with it: a line of JSON
 * a step, the same steps with the same values from each of the four drivers.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PolarClientError } from "@polar-sh/sdk";
import { createPolar, errors, webhooks, type models } from "@polar-sh/sdk/2026-10";

const baseUrl = process.env.AUREON_URL!;
const accessToken = process.env.AUREON_ACCESS_TOKEN!;
const tag = process.env.TAG!; // makes this run's names its own
const name = `told-${tag}`;

const polar = createPolar({ accessToken, baseUrl });

interface Received {
  headers: Record<string, string>;
  body: string;
}

const received: Received[] = [];
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const headers = request.headers as Record<string, string>;
  received.push({ headers, body: Buffer.concat(parts).toString() });
  response.end("thanks");
});
await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
const { port } = server.address() as AddressInfo;

function show(step: string, value: unknown) {
  console.log(JSON.stringify({ step, value }));
}

/** What follows by a moment, once it is as it must be; or as it was in the end. */
async function awaited<Value>(read: () => Value, reached: (value: Awaited<Value>) => boolean) {
  let value = await read();
  for (let tries = 0; tries < 400 && !reached(value); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    value = await read();
  }
  return value;
}

function about(endpoint: models.WebhookEndpoint) {
  return {
    url: endpoint.url.startsWith("http://127.0.0.1:"),
    name: endpoint.name,
    events: endpoint.events,
    format: endpoint.format,
    enabled: endpoint.enabled,
    secret: endpoint.secret.startsWith("whsec_"),
  };
}

async function raised(call: () => Promise<unknown>) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof PolarClientError)) throw error;
    if (error instanceof errors.HTTPValidationError) {
      return [error.statusCode, error.error.detail?.map((each) => each.loc)];
    }
    return error.statusCode;
  }
}

// Endpoints

const made = await polar.webhooks.createWebhookEndpoint({
  url: `http://127.0.0.1:${port}/`,
  name: "Told",
  format: "raw",
  events: ["customer.created"],
});
show("webhooks.create_webhook_endpoint", about(made));
show(
  "webhooks.get_webhook_endpoint",
  about(await polar.webhooks.getWebhookEndpoint(made.id)),
);
const listed = await polar.webhooks.listWebhookEndpoints({ limit: 100 });
show(
  "webhooks.list_webhook_endpoints",
  listed.items.some((each) => each.id === made.id),
);
const changed = await polar.webhooks.updateWebhookEndpoint(made.id, {
  name: "Changed",
  events: ["customer.created", "customer.updated", "customer.deleted", "customer.state_changed"],
});
show("webhooks.update_webhook_endpoint", about(changed));
const endpoint = await polar.webhooks.resetWebhookEndpointSecret(made.id);
show("webhooks.reset_webhook_endpoint_secret", endpoint.secret !== made.secret);
show(
  "errors: a URL that is not public",
  await raised(() =>
    polar.webhooks.createWebhookEndpoint({
      url: "https://169.254.169.254/",
      format: "raw",
      events: ["customer.created"],
    }),
  ),
);

// What arrives

const meter = await polar.meters.create({
  name: `Told ${tag}`,
  filter: { conjunction: "and", clauses: [{ property: "name", operator: "eq", value: name }] },
  aggregation: { func: "sum", property: "units" },
});
// The client has no word for thresholds.
await fetch(`${baseUrl}/v1/meters/${meter.id}`, {
  method: "PATCH",
  headers: { Authorization: `Bearer ${accessToken}`, "Content-Type": "application/json" },
  body: JSON.stringify({ thresholds: [{ available_credits: 100 }] }),
});
const customer = await polar.customers.create({ email: `${tag}@example.com` });
await polar.events.ingest({
  events: [{ customer_id: customer.id, name, metadata: { units: -1000 } }],
});

function told(type: string) {
  return received.filter(
    (each) => JSON.parse(each.body).type === type && each.body.includes(customer.id),
  );
}

function arrived(type: string, count = 1) {
  return awaited(
    () => told(type),
    (found) => found.length >= count,
  );
}

function validated({ body, headers }: Received) {
  return webhooks.validateEvent(body, headers, endpoint.secret);
}

await arrived("customer.state_changed");
await polar.customers.update(customer.id, { name: "Jane Doe" });
await arrived("customer.updated");
await polar.customers.delete(customer.id);
await arrived("customer.deleted");
await arrived("customer.created");

const [one] = told("customer.created");
const created = await validated(one!);
if (created.type !== "customer.created") throw new Error(created.type);
show("validate_event: customer.created", [created.type, created.data.email]);
const updated = await validated(told("customer.updated")[0]!);
if (updated.type !== "customer.updated") throw new Error(updated.type);
show("validate_event: customer.updated", [updated.type, updated.data.name]);
const deleted = await validated(told("customer.deleted")[0]!);
if (deleted.type !== "customer.deleted") throw new Error(deleted.type);
show("validate_event: customer.deleted", [deleted.type, deleted.data.deleted_at !== null]);
const state = await validated(told("customer.state_changed")[0]!);
if (state.type !== "customer.state_changed") throw new Error(state.type);
show("validate_event: customer.state_changed", [
  state.type,
  state.data.active_meters.map((each) => each.balance),
]);

async function refused(body: string, secret: string) {
  try {
    await webhooks.validateEvent(body, one!.headers, secret);
    return false;
  } catch (error) {
    return error instanceof webhooks.PolarWebhookVerificationError;
  }
}

show("validate_event: forged", [
  await refused(`${one!.body} `, endpoint.secret),
  await refused(one!.body, made.secret),
]);

// Deliveries

const [delivery] = await awaited(
  async () => {
    const found = await polar.webhooks.listWebhookDeliveries({
      endpoint_id: endpoint.id,
      event_type: "customer.created",
      http_code_class: "2xx",
      succeeded: true,
      query: customer.id,
    });
    return found.items;
  },
  (found) => found.length > 0,
);
const { id } = delivery!.webhook_event;
show("webhooks.list_webhook_deliveries", [
  delivery!.succeeded,
  delivery!.http_code,
  delivery!.response,
  id === one!.headers["webhook-id"],
  delivery!.webhook_event.type,
]);
const nothing = await polar.webhooks.listWebhookDeliveries({
  endpoint_id: endpoint.id,
  query: crypto.randomUUID(),
});
show("webhooks.list_webhook_deliveries: of nobody", nothing.items.length);
await polar.webhooks.redeliverWebhookEvent(id);
const again = await arrived("customer.created", 2);
show("webhooks.redeliver_webhook_event", [
  again.length,
  new Set(again.map((each) => each.headers["webhook-id"])).size,
  (await validated(again.at(-1)!)).type,
]);

await polar.webhooks.deleteWebhookEndpoint(endpoint.id);
show("errors: not found", [
  await raised(() => polar.webhooks.getWebhookEndpoint(endpoint.id)),
  await raised(() => polar.webhooks.updateWebhookEndpoint(endpoint.id, { name: "None" })),
  await raised(() => polar.webhooks.resetWebhookEndpointSecret(endpoint.id)),
  await raised(() => polar.webhooks.deleteWebhookEndpoint(endpoint.id)),
  await raised(() => polar.webhooks.redeliverWebhookEvent(crypto.randomUUID())),
]);
await polar.meters.update(meter.id, { is_archived: true });
server.close();
server.closeAllConnections();
