import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { Aureon, EventsRejected, Unavailable, type BatchOptions } from "@aureon/client";
import { answer, aureon, customerWith, serve } from "./setup.js";

const EVENT = { external_customer_id: "user", name: "tokens" };
type Got = { key: string; units: number[] };

/** A batch of a service that answers with these statuses, the last of them for ever. */
async function batched(statuses: number[], options: BatchOptions = {}) {
  const got: Got[] = [];
  const told: unknown[] = [];
  let arrived = () => {};
  const url = await serve(async (request, body, response) => {
    const { events } = JSON.parse(body) as { events: { metadata: { units: number } }[] };
    const key = request.headers["idempotency-key"] as string;
    got.push({ key, units: events.map(({ metadata }) => metadata.units) });
    arrived();
    const status = statuses[Math.min(got.length, statuses.length) - 1]!;
    answer(response, status, { error: "E", detail: "…" }, { "retry-after": "60" });
  });
  const client = new Aureon({ url, token: "t" });
  const batch = client.batch({ maxWaitMs: 60_000, onError: (error) => told.push(error), ...options });
  const requests = async (count: number) => {
    while (got.length < count) await new Promise<void>((resolve) => (arrived = resolve));
  };
  return { client, batch, got, told, requests };
}

const add = async (batch: { add: Function }, ...units: number[]) => {
  for (const each of units) await batch.add({ ...EVENT, units: each });
};

test("events are sent when there are enough of them, in the order that they came in", async () => {
  const { batch, got, requests } = await batched([200], { maxEvents: 3 });
  await add(batch, 1, 2, 3, 4, 5, 6, 7);
  await requests(2);
  await batch.close();
  assert.deepEqual(got.map(({ units }) => units).flat(), [1, 2, 3, 4, 5, 6, 7]);
  assert.ok(got.every(({ units }) => units.length <= 3));
  assert.equal(new Set(got.map(({ key }) => key)).size, got.length);
});

test("events are sent when there are enough bytes, and when they have waited long enough", async () => {
  const { batch, got, requests } = await batched([200], { maxBytes: 250 });
  await add(batch, 1, 2, 3);
  await requests(1);
  await batch.close();
  assert.ok(got[0]!.units.length < 3);

  const timed = await batched([200], { maxWaitMs: 1 });
  await add(timed.batch, 1);
  await timed.requests(1);
  await timed.batch.close();
  assert.deepEqual(timed.got.map(({ units }) => units), [[1]]);
});

test("where memory is full, the next event waits until there is room", async () => {
  let answerNow = () => {};
  const sizes: number[] = [];
  const url = await serve(async (_, body, response) => {
    sizes.push(JSON.parse(body).events.length);
    await new Promise<void>((resolve) => (answerNow = resolve));
    answer(response, 200, {});
  });
  const batch = new Aureon({ url, token: "t" }).batch({ maxPendingBytes: 500, maxWaitMs: 60_000 });
  let taken = 0;
  const adding = (async () => {
    for (let units = 0; units < 20; units++, taken++) await batch.add({ ...EVENT, units });
  })();
  while (!sizes.length) await new Promise(setImmediate);
  const before = taken;
  assert.ok(before > 1 && before < 10, `${before}`);
  await new Promise(setImmediate);
  assert.equal(taken, before);
  const answering = setInterval(() => answerNow(), 1);
  await adding;
  await batch.close();
  clearInterval(answering);
  assert.equal(sizes.reduce((sum, size) => sum + size), 20);
  assert.ok(Math.max(...sizes) <= before);
});

test("what was not answered is kept, and sent again as it was, under the same key", async () => {
  const { batch, got } = await batched([503, 503, 200]);
  await add(batch, 1, 2);
  await assert.rejects(batch.flush(), Unavailable);
  await add(batch, 3);
  await assert.rejects(batch.flush(), (error: Unavailable) => error.id === got[0]!.key);
  assert.equal(batch.pending, 3);
  await batch.flush();
  assert.equal(batch.pending, 0);
  assert.deepEqual(got.map(({ units }) => units), [[1, 2], [1, 2], [1, 2], [3]]);
  assert.equal(new Set(got.slice(0, 3).map(({ key }) => key)).size, 1);
  await batch.close();
});

test("in the background, what was not answered is sent again, and what was refused waits for a flush", async (context) => {
  const unanswered = await batched([503, 200], { maxEvents: 1, maxWaitMs: 1 });
  await add(unanswered.batch, 1);
  await unanswered.requests(2);
  await unanswered.batch.close();
  assert.ok(unanswered.told[0] instanceof Unavailable);

  context.mock.timers.enable({ apis: ["setTimeout"] });
  const refused = await batched([401, 200], { maxEvents: 1, maxWaitMs: 1 });
  await add(refused.batch, 1);
  while (!refused.told.length) await new Promise(setImmediate);
  await add(refused.batch, 2);
  context.mock.timers.tick(1000);
  // By the time that this is answered, so would that be which must not be sent.
  await refused.client.ingest({ ...EVENT, units: 0 });
  assert.equal(refused.batch.pending, 2);
  assert.deepEqual(refused.got.flatMap(({ units }) => units), [1, 0]);
  await refused.batch.close();
  assert.deepEqual(refused.got.flatMap(({ units }) => units), [1, 0, 1, 2]);
  assert.equal((refused.told[0] as { status?: number }).status, 401);
});

test("an event that breaks a rule is named, and the others count", async () => {
  const customer = await customerWith(100);
  const told: unknown[] = [];
  const batch = aureon.batch({ onError: (error) => told.push(error) });
  const bad = { ...customer.usage, name: "", units: 1 };
  const worse = { customer_id: "nobody", name: customer.name, units: 1 };
  for (const event of [{ ...customer.usage, units: 1 }, bad, { ...customer.usage, units: 2 }, worse]) {
    await batch.add(event);
  }
  const failed: EventsRejected = await batch.flush().catch((error) => error);
  assert.ok(failed instanceof EventsRejected);
  const bads = [failed, ...told].flatMap((error) => (error as EventsRejected).rejected.map(({ event }) => event));
  assert.deepEqual(new Set(bads), new Set([bad, worse]));
  assert.ok(failed.rejected[0]!.problems[0]!.msg);
  assert.equal(batch.pending, 0);
  await batch.close();
  assert.equal((await customer.standing()).used_units, "3");
});

test("a number that is not exact is refused by add, and nothing else is lost", async () => {
  const { batch, got } = await batched([200]);
  await add(batch, 1);
  await assert.rejects(add(batch, NaN), RangeError);
  await batch.close();
  await assert.rejects(add(batch, 2), /closed/);
  assert.deepEqual(got.map(({ units }) => units), [[1]]);
});

/** What a process that ends in this way leaves, and says. */
async function ended(end: string) {
  const customer = await customerWith(100);
  const code = `
    import { Aureon } from "@aureon/client";
    const batch = new Aureon().batch({ maxWaitMs: 60_000 });
    for (let each = 0; each < 5; each++) await batch.add({ ...${JSON.stringify(customer.usage)}, units: 1 });
    ${end}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  for await (const chunk of child.stderr) said += chunk;
  return { used: (await customer.standing()).used_units, said };
}

test("a process that comes to its end sends what is left", async () => {
  assert.deepEqual(await ended(""), { used: "5", said: "" });
});

test("a process that is ended says what it has not sent", async () => {
  const { used, said } = await ended("process.exit()");
  assert.equal(used, "0");
  assert.match(said, /5 events were not sent/);
});
