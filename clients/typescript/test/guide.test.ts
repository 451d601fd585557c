/** The guide of README, in the client. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { aureon } from "./setup.js";

test("the guide tells its story", async () => {
  const story: string[] = [];
  const show = (meter: { balance: string; available_credits: string } | undefined) =>
    story.push(`balance ${meter?.balance}, available ${meter?.available_credits}`);
  const name = `api_usage-${randomUUID()}`;

  // 1. A meter: the sum of `units` over all events with the name.
  const meter = await aureon.request("POST /v1/meters/", {
    body: {
      name: "API usage",
      filter: { conjunction: "and", clauses: [{ property: "name", operator: "eq", value: name }] },
      aggregation: { func: "sum", property: "units" },
    },
  });

  // 2. A customer. The external id is the name that your own system has for them.
  const external_customer_id = `user-${randomUUID()}`;
  const customer = await aureon.request("POST /v1/customers/", {
    body: { email: `${external_customer_id}@example.com`, name: "John Doe", external_id: external_customer_id },
  });
  const customer_id = customer.id;

  // 3. Grant 10 credits, with negative events: 6 to the id, 4 to the external id.
  await aureon.ingest({ customer_id, name, units: -6 });
  await aureon.ingest({ external_customer_id, name, units: -4 });

  // 4. Read the balance, in any of three ways.
  const query = { customer_id: [customer_id], meter_id: [meter.id] };
  show((await aureon.request("GET /v1/customer-meters/", { query })).items[0]);
  const path = { id: customer_id };
  show((await aureon.request("GET /v1/customers/{id}/state", { path })).active_meters[0]);
  const external = { path: { external_id: external_customer_id } };
  show((await aureon.request("GET /v1/customers/external/{external_id}/state", external)).active_meters[0]);

  // 5. Use 3 units, then 8 more: the last one goes past the credits.
  for (const units of [3, 8]) {
    await aureon.ingest({ customer_id, name, units });
    show((await aureon.request("GET /v1/customers/{id}/state", { path })).active_meters[0]);
  }

  // The e-mail and the external id are free again; the meter stops counting.
  await aureon.request("DELETE /v1/customers/{id}", { path });
  await aureon.request("PATCH /v1/meters/{id}", { path: { id: meter.id }, body: { is_archived: true } });

  const full = "balance -10, available 10";
  assert.deepEqual(story, [full, full, full, "balance -7, available 7", "balance 1, available 0"]);
  await assert.rejects(aureon.request("GET /v1/customers/{id}", { path }), { status: 404 });
});

test("an event counts once under its id, and a request under its key", async () => {
  const event = { external_customer_id: `user-${randomUUID()}`, name: "anything", units: 1 };
  const id = randomUUID();
  assert.equal((await aureon.ingest({ ...event, id })).inserted, 1);
  assert.deepEqual(await aureon.ingest({ ...event, id }), { inserted: 0, duplicates: 1 });
  const key = { id: randomUUID() };
  const first = await aureon.ingest(event, key);
  assert.deepEqual(await aureon.ingest(event, key), first);
  await assert.rejects(aureon.ingest({ ...event, units: 2 }, key), { status: 409 });
});
