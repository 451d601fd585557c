import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { AureonError, Unavailable } from "@aureon/client";
import { FAULTS, proxy } from "./proxy.js";
import { answer, customerWith, serve } from "./setup.js";
import { Aureon } from "@aureon/client";

for (const fault of FAULTS) {
  test(`credits are given and taken back once: ${fault}`, async () => {
    let left = 2;
    const url = await proxy(() => (left-- > 0 ? fault : undefined));
    const { client, usage, standing } = await customerWith(100, { url, attemptMs: 1_000, deadlineMs: 30_000 });
    const available = async () => (await standing()).available_credits;

    const made = await client.grant({ ...usage, units: 10, priority: 1, expires_in_seconds: 86_400, note: "Welcome" });
    assert.deepEqual([made.units, made.priority, made.note], ["10", 1, "Welcome"]);
    const spent = await client.spend({ ...usage, units: 4 });
    left = 2;
    const back = await client.refund({ event_id: spent.id, units: 3, reason: "broken" });
    assert.equal(back.units[0]!.refunded_units, "3");
    assert.equal(await available(), "109");
    left = 2;
    const voided = await client.voidGrant(made.id);
    assert.deepEqual([voided.status, voided.voided_units], ["voided", "9"]);
    assert.equal(await available(), "100");
  });
}

test("grants are listed, read, and made once under an id", async () => {
  const { client, usage, meter_id } = await customerWith(1);
  const { external_customer_id } = usage;
  const id = randomUUID();
  const until = new Date(Date.now() + 86_400_000);
  const first = await client.grant({ ...usage, units: "1.5", id, expires_at: until });
  const again = await client.grant({ ...usage, units: "1.5", id, expires_at: until });
  const recurrence = { every: "month", timezone: "Europe/Berlin" } as const;
  const monthly = await client.grant({ ...usage, units: 5, meter_id, recurrence, rollover: { max_units: 2 } });
  const forGood = await client.grant({ ...usage, units: 1 });

  assert.equal(again.id, first.id);
  assert.equal(forGood.status, "for_good");
  const listed = await client.listGrants({ external_customer_id, meter_id: [meter_id], status: ["active"] });
  assert.deepEqual(
    listed.items.map((grant) => grant.id),
    [monthly.id, first.id],
  );
  assert.deepEqual((await client.getGrant(monthly.id)).rollover, { max_units: "2", expires_in_seconds: null });
  const otherwise = client.grant({ ...usage, units: 2, id, expires_at: until });
  await assert.rejects(otherwise, (error: AureonError) => error.status === 409);
});

test("refunds name a spend, a hold or an event, which can be voided", async () => {
  const { client, usage, standing } = await customerWith(100);
  const id = randomUUID();
  await client.spend({ ...usage, units: 10, id });
  const hold = await client.placeHold({ ...usage, units: 5 });
  await hold.capture({ units: 5 });
  const spent = await client.spend({ ...usage, units: 20 });

  const part = { spend_external_id: id, id: `r/${id}`, units: 4 };
  assert.equal((await client.refund(part)).id, (await client.refund(part)).id);
  await client.refund({ hold_id: hold.id });
  const voided = await client.voidEvent(spent.id);
  assert.equal(voided.grant, null);
  assert.equal((await standing()).used_units, "6");
});

test("a route that would give twice is not sent again, unless the body has an id", async () => {
  let got = 0;
  const url = await serve((_, __, response) => (++got % 2 ? response.destroy() : answer(response, 200, { id: "e" })));
  const client = new Aureon({ url, token: "t" });
  const body = { external_customer_id: "user", name: "tokens", metadata: { units: 1 } };
  for (const route of ["POST /v1/credits/grants", "POST /v1/credits/spend"] as const) {
    got = 0;
    await assert.rejects(client.request(route, { body }), Unavailable);
    assert.equal(got, 1);
    got = 0;
    await client.request(route, { body: { ...body, external_id: "order-1" } });
    assert.equal(got, 2);
  }
});
