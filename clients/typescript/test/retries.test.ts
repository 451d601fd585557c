import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { Aureon, AureonError, InsufficientCredits, Unavailable, type ClientOptions } from "@aureon/client";
import { answer, aureon, customerWith, serve } from "./setup.js";

type Step = (response: ServerResponse, request: IncomingMessage) => unknown;
const SPENT = { id: "e", meters: [] };
const USAGE = { external_customer_id: "user", name: "tokens", units: 1 };

const fine: Step = (response) => answer(response, 200, SPENT);
const cut: Step = (response) => response.destroy();
const busy = (status: number, after = "0"): Step => (response) =>
  answer(response, status, { error: "Busy", detail: "…" }, { "retry-after": after });
const cutInTheMiddle: Step = (response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "100" });
  response.write('{"id":');
  setImmediate(() => response.destroy());
};
const notJson: Step = (response) => answer(response, 200, "<html>");
const never: Step = () => {};

/** A client of a server that answers with these steps, the last of them for ever, and what it got. */
async function scripted(steps: Step[], options: ClientOptions = {}) {
  const got: { body: string; key: string | undefined }[] = [];
  const url = await serve((request, body, response) => {
    got.push({ body, key: request.headers["idempotency-key"] as string | undefined });
    return steps[Math.min(got.length, steps.length) - 1]!(response, request);
  });
  return { client: new Aureon({ url, token: "t", ...options }), got };
}

for (const [name, step] of Object.entries({
  "is lost": cut,
  "is cut off": cutInTheMiddle,
  "is no JSON": notJson,
  "is 429": busy(429),
  "is 500": busy(500),
  "is 502": busy(502),
  "is 503": busy(503),
  "is 504": busy(504),
  "takes too long": never,
})) {
  test(`a spend whose answer ${name} is sent again, under the same id`, async () => {
    const { client, got } = await scripted([step, step, fine], { attemptMs: step === never ? 50 : 10_000 });
    assert.deepEqual(await client.spend(USAGE), SPENT);
    assert.equal(got.length, 3);
    assert.match(JSON.parse(got[0]!.body).external_id, /^[0-9a-f-]{36}$/);
    assert.equal(new Set(got.map(({ body }) => body)).size, 1);
  });
}

test("the caller's id is the one that is sent", async () => {
  const { client, got } = await scripted([fine]);
  await client.spend({ ...USAGE, id: "order-1" });
  await client.ingest([{ ...USAGE, id: "event-1" }], { id: "request-1" });
  assert.equal(JSON.parse(got[0]!.body).external_id, "order-1");
  assert.deepEqual(
    [JSON.parse(got[1]!.body).events[0].external_id, got[1]!.key],
    ["event-1", "request-1"],
  );
});

test("an ingestion without ids is sent again under one key", async () => {
  const { client, got } = await scripted([cut, busy(503), fine]);
  await client.ingest([USAGE, USAGE]);
  assert.equal(got.length, 3);
  assert.match(got[0]!.key!, /^[0-9a-f-]{36}$/);
  assert.equal(new Set(got.map(({ key }) => key)).size, 1);
});

for (const status of [400, 401, 402, 403, 404, 408, 409, 413, 422]) {
  test(`a ${status} is not sent again`, async () => {
    const { client, got } = await scripted([busy(status)]);
    await assert.rejects(client.spend(USAGE), { status, error: "Busy" });
    assert.equal(got.length, 1);
  });
}

test("a wait that would pass the deadline is not waited for", async () => {
  const { client, got } = await scripted([busy(503, "3600")]);
  const failed: Unavailable = await client.spend({ ...USAGE, id: "order-1" }).catch((error) => error);
  assert.ok(failed instanceof Unavailable);
  assert.deepEqual([failed.status, failed.id, failed.error], [503, "order-1", "Busy"]);
  assert.equal(got.length, 1);
});

test("429 up to the deadline is a 429: nothing has happened", async () => {
  const { client } = await scripted([busy(429, "3600")]);
  const failed = await client.spend(USAGE).catch((error) => error);
  assert.ok(failed instanceof AureonError && !(failed instanceof Unavailable));
  assert.equal(failed.status, 429);
});

test("without any answer, the deadline ends a call and the error says under which id to go on", async () => {
  const { client, got } = await scripted([cut], { deadlineMs: 300 });
  const failed: Unavailable = await client.ingest(USAGE).catch((error) => error);
  assert.ok(failed instanceof Unavailable);
  assert.equal(failed.status, 0);
  assert.equal(failed.id, got[0]!.key);
  assert.ok(got.length > 1);
});

test("what could be made twice is not sent again", async () => {
  const { client, got } = await scripted([cut]);
  const body = { email: "a@example.com" };
  await assert.rejects(client.request("POST /v1/customers/", { body }), Unavailable);
  assert.equal(got.length, 1);
});

test("what is gone after a deletion whose answer was lost was deleted", async () => {
  const path = { id: "c" };
  const { client } = await scripted([cut, busy(404)]);
  assert.equal(await client.request("DELETE /v1/customers/{id}", { path }), undefined);
  const { client: other } = await scripted([busy(404)]);
  await assert.rejects(other.request("DELETE /v1/customers/{id}", { path }), { status: 404 });
});

test("an aborted call throws the signal's reason, and is not sent again", async () => {
  const stop = new AbortController();
  const { client, got } = await scripted([(response) => (stop.abort("enough"), response.destroy())]);
  await assert.rejects(client.spend({ ...USAGE, signal: stop.signal }), (reason) => reason === "enough");
  await assert.rejects(client.spend({ ...USAGE, signal: stop.signal }), (reason) => reason === "enough");
  assert.equal(got.length, 1);
});

test("too few credits are an error that says how many are available", async () => {
  const customer = await customerWith(10);
  const failed: InsufficientCredits = await aureon.spend({ ...customer.usage, units: "10.5" }).catch((error) => error);
  assert.ok(failed instanceof InsufficientCredits);
  assert.deepEqual(
    [failed.status, failed.available_credits, failed.meter_id, failed.required],
    [402, "10", customer.meter_id, "10.5"],
  );
  assert.ok(failed.request_id);
});

test("an error says which rule is broken", async () => {
  const customer = await customerWith(1);
  await assert.rejects(
    aureon.request("POST /v1/customers/", { body: { email: "nobody" } }),
    /422 RequestValidationError: body\.email: /,
  );
  await assert.rejects(aureon.spend({ ...customer.usage, units: -1 }), /a grant is an event/);
});

test("a query repeats lists and nests metadata", async () => {
  let path = "";
  const url = await serve((request, _, response) => ((path = request.url!), answer(response, 200, { items: [] })));
  await new Aureon({ url: `${url}/prod/`, token: "t" }).request("GET /v1/events/", {
    query: { name: ["a", "b"], metadata: { plan: "pro & more" }, limit: 5, page: undefined },
  });
  assert.equal(path, "/prod/v1/events/?name=a&name=b&metadata%5Bplan%5D=pro+%26+more&limit=5");
});

test("a client without an address or a token says so", () => {
  const { AUREON_URL } = process.env;
  delete process.env.AUREON_URL;
  assert.throws(() => new Aureon(), /AUREON_URL/);
  process.env.AUREON_URL = AUREON_URL;
});
