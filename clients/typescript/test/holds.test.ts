import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { Aureon, HoldEnded, InsufficientCredits, Unavailable } from "@aureon/client";
import { answer, aureon, customerWith, serve } from "./setup.js";

const FAILED = new Error("the model failed");

/** What is left, held and used: of a customer who had 100. */
async function left(customer: Awaited<ReturnType<typeof customerWith>>) {
  const { available_credits, held_units, used_units } = await customer.standing();
  return [available_credits, held_units, used_units].map(Number);
}

test("a hold keeps its units while the work runs, and gives back what was not captured", async () => {
  const customer = await customerWith(100);
  const result = await aureon.hold({ ...customer.usage, units: 60 }, async (hold) => {
    assert.deepEqual(await left(customer), [40, 60, 0]);
    await assert.rejects(aureon.spend({ ...customer.usage, units: 41 }), InsufficientCredits);
    const captured = await hold.capture({ units: 17, metadata: { model: "small" } });
    assert.equal(captured.status, "captured");
    return "an answer";
  });
  assert.equal(result, "an answer");
  assert.deepEqual(await left(customer), [83, 0, 17]);
});

for (const [how, work, expected] of [
  ["throws", () => Promise.reject(FAILED), [100, 0, 0]],
  ["throws at once", () => { throw FAILED; }, [100, 0, 0]],
  ["throws after it has used some", async (hold) => { hold.used = 5; throw FAILED; }, [100, 0, 0]],
  ["throws after a capture", async (hold) => { await hold.capture({ units: 5 }); throw FAILED; }, [95, 0, 5]],
  ["throws after a release", async (hold) => { await hold.release(); throw FAILED; }, [100, 0, 0]],
  ["returns with nothing used", () => undefined, [100, 0, 0]],
  ["returns with some used", (hold) => void (hold.used = "2.5"), [97.5, 0, 2.5]],
  ["returns with what it told of, bit by bit", (hold) => ["0.1", 0.2, 3n, 1e-7].forEach((units) => hold.use(units)), [96.6999999, 0, 3.3000001]],
  ["captures what it told of", async (hold) => { hold.use(4); await hold.capture(); }, [96, 0, 4]],
  ["captures all", (hold) => hold.capture(), [40, 0, 60]],
  ["captures twice", async (hold) => { await hold.capture({ units: 5 }); await hold.capture({ units: 5 }); }, [95, 0, 5]],
  ["captures past the hold, where the credits suffice", (hold) => hold.capture({ units: 90 }), [10, 0, 90]],
] as [string, Parameters<typeof aureon.hold>[1], number[]][]) {
  test(`nothing stays held where the work ${how}`, async () => {
    const customer = await customerWith(100);
    const held = aureon.hold({ ...customer.usage, units: 60 }, work);
    if (how.startsWith("throws")) await assert.rejects(held, FAILED);
    else await held;
    assert.deepEqual(await left(customer), expected);
  });
}

for (const [how, work] of [
  ["captures", (hold) => hold.capture({ units: 101 })],
  ["has used", (hold) => void (hold.used = 101)],
] as [string, Parameters<typeof aureon.hold>[1]][]) {
  test(`who ${how} more than there is pays what was held, and gets the error`, async () => {
    const customer = await customerWith(100);
    await assert.rejects(aureon.hold({ ...customer.usage, units: 60 }, work), InsufficientCredits);
    assert.deepEqual(await left(customer), [40, 0, 60]);
  });
}

test("without enough credits the work does not begin", async () => {
  const customer = await customerWith(5);
  const work = () => assert.fail("it began");
  await assert.rejects(aureon.hold({ ...customer.usage, units: 6 }, work), { available_credits: "5" });
});

test("a hold sent again under its id is the same hold", async () => {
  const customer = await customerWith(100);
  const options = { ...customer.usage, units: 60, id: `request-${customer.external_customer_id}` };
  const first = await aureon.placeHold(options);
  const second = await aureon.placeHold(options);
  assert.equal(first.id, second.id);
  assert.deepEqual(await left(customer), [40, 60, 0]);
  await Promise.all([first.capture({ units: 1 }), second.capture({ units: 1 })]);
  assert.deepEqual(await left(customer), [99, 0, 1]);
  const ended: HoldEnded = await aureon.hold(options, () => assert.fail("it began")).catch((error) => error);
  assert.ok(ended instanceof HoldEnded);
  assert.equal(ended.hold.status, "captured");
});

const CHUNKS = ["An ", "ans", "wer"];
const BYTES = CHUNKS.join("");

test("a caller who hangs up, after any byte, pays for what was streamed", async () => {
  const customer = await customerWith(100);
  let next: () => void = () => {};
  let finished: (value: unknown) => void;
  // A server that streams one byte at a time, as soon as the one before has been heard; a chunk is used by its first.
  const server = createServer((_, response) => {
    const stop = new AbortController();
    response.on("close", () => stop.abort(new Error("hung up")));
    const options = { ...customer.usage, units: 10, signal: stop.signal };
    const asked = () =>
      new Promise<void>((resolve, reject) => {
        next = resolve;
        stop.signal.throwIfAborted();
        stop.signal.addEventListener("abort", () => reject(stop.signal.reason));
      });
    const held = aureon.hold(options, async (hold) => {
      response.writeHead(200).flushHeaders();
      for (const chunk of CHUNKS) {
        for (const [place, byte] of [...chunk].entries()) {
          await asked();
          if (place === 0) hold.use(1);
          response.write(byte);
        }
      }
      await asked();
    });
    held.catch((error) => finished(error));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let used = 0;
  for (let heard = 0; heard <= BYTES.length; heard++) {
    const ended = new Promise((resolve) => (finished = resolve));
    const hangUp = new AbortController();
    const reader = (await fetch(url, { signal: hangUp.signal })).body!.getReader();
    let answered = "";
    for (let byte = 0; byte < heard; byte++) {
      next();
      answered += new TextDecoder().decode((await reader.read()).value);
    }
    hangUp.abort();
    await reader.read().catch(() => {});
    assert.match(`${await ended}`, /hung up/);
    assert.equal(answered, BYTES.slice(0, heard));
    used += Math.ceil(heard / 3);
    assert.deepEqual(await left(customer), [100 - used, 0, used], `after ${heard} bytes`);
  }
  server.close();
});

test("a caller who hangs up before the hold is placed, or meanwhile, leaves no credits held", async () => {
  const customer = await customerWith(100);
  const stop = new AbortController();
  const client = new Aureon({
    fetch: async (...given) => {
      const placed = await fetch(...given);
      stop.abort(FAILED);
      return placed;
    },
  });
  for (let time = 0; time < 2; time++) {
    const work = () => assert.fail("it began");
    await assert.rejects(client.hold({ ...customer.usage, units: 60, signal: stop.signal }, work), FAILED);
    assert.deepEqual(await left(customer), [100, 0, 0]);
  }
});

test("a process that dies leaves a hold that expires as it was told to", async () => {
  const customer = await customerWith(100);
  const code = `
    import { Aureon } from "@aureon/client";
    const usage = ${JSON.stringify(customer.usage)};
    await new Aureon().hold({ ...usage, units: 60, expires_in_seconds: 30 }, (hold) => {
      console.log(hold.id);
      process.kill(process.pid, "SIGKILL");
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  let id = "";
  for await (const chunk of child.stdout) id += chunk;
  const path = { id: id.trim() };
  const hold = await aureon.request("GET /v1/credits/holds/{id}", { path });
  assert.equal(hold.status, "open");
  assert.equal(Date.parse(hold.expires_at) - Date.parse(hold.created_at), 30_000);
  await aureon.request("POST /v1/credits/holds/{id}/release", { path });
});

/** A client of a service that has one hold, and what was asked for. */
async function withHold(respond: (path: string) => number) {
  const asked: string[] = [];
  const lasting: number[] = [];
  const url = await serve(({ url: path }, body, response) => {
    asked.push(path!.split("/").at(-1)!);
    const status = respond(asked.at(-1)!);
    const { expires_in_seconds: seconds = 600 } = JSON.parse(body || "{}");
    if (body.includes("expires")) lasting.push(seconds);
    const times = { created_at: new Date(0).toISOString(), expires_at: new Date(seconds * 1000).toISOString() };
    const hold = { id: "h", external_id: "e", status: "open", ...times };
    answer(response, status, status === 200 ? hold : { error: "E", detail: "…" }, { "retry-after": "60" });
  });
  return { client: new Aureon({ url, token: "t" }), asked, lasting };
}
const USAGE = { external_customer_id: "user", name: "tokens", units: 5 };

test("a hold is extended while the work runs, and no longer", async (context) => {
  const { client, asked, lasting } = await withHold(() => 200);
  context.mock.timers.enable({ apis: ["setInterval", "Date"] });
  let goOn = true;
  await client.hold({ ...USAGE, expires_in_seconds: 60, extend: () => goOn }, async (hold) => {
    for (const seconds of [90, 120]) {
      context.mock.timers.tick(30_000);
      while (Date.parse(hold.expires_at) < seconds * 1000) await new Promise(setImmediate);
    }
    goOn = false;
    context.mock.timers.tick(30_000);
    goOn = true;
    await hold.capture({ units: 3 });
    context.mock.timers.tick(300_000);
  });
  context.mock.timers.tick(300_000);
  assert.deepEqual(asked, ["holds", "extend", "extend", "capture"]);
  // Each counts from when the hold was placed.
  assert.deepEqual(lasting, [60, 90, 120]);
});

test("a hold is not extended for a caller who has hung up, though the work goes on", async (context) => {
  const { client, asked } = await withHold(() => 200);
  context.mock.timers.enable({ apis: ["setInterval"] });
  const stop = new AbortController();
  await client.hold({ ...USAGE, expires_in_seconds: 60, signal: stop.signal }, async (hold) => {
    stop.abort();
    context.mock.timers.tick(300_000);
    await client.request("GET /health");
    await hold.capture({ units: 3 });
  });
  assert.deepEqual(asked, ["holds", "health", "capture"]);
});

test("a hold is extended up to a day", async (context) => {
  const { client, asked, lasting } = await withHold(() => 200);
  const hour = 60 * 60;
  context.mock.timers.enable({ apis: ["setInterval", "Date"] });
  await client.hold({ ...USAGE, expires_in_seconds: 20 * hour }, async () => {
    for (const extended of [1, 1]) {
      context.mock.timers.tick(10 * hour * 1000);
      while (asked.length <= extended) await new Promise(setImmediate);
      await client.request("GET /health");
    }
  });
  assert.deepEqual(asked.filter((each) => each !== "health"), ["holds", "extend", "release"]);
  assert.deepEqual(lasting, [20 * hour, 24 * hour]);
});

test("what refuses to be extended is not asked again, and what did not answer is", async (context) => {
  for (const [status, times] of [[409, 1], [404, 1], [503, 3]] as const) {
    const { client, asked } = await withHold((route) => (route === "extend" ? status : 200));
    context.mock.timers.reset();
    context.mock.timers.enable({ apis: ["setInterval"] });
    await client.hold({ ...USAGE, expires_in_seconds: 60 }, async () => {
      for (let tick = 1; tick <= 3; tick++) {
        context.mock.timers.tick(30_000);
        while (asked.filter((each) => each === "extend").length < Math.min(tick, times)) {
          await new Promise(setImmediate);
        }
        // By the time that this is answered, so is that.
        await client.request("GET /health");
      }
    });
    assert.deepEqual(asked.filter((each) => each !== "health"), ["holds", ...Array(times).fill("extend"), "release"]);
  }
});

test("a hold of which nobody knows whether it was captured is not released", async () => {
  const { client, asked } = await withHold((route) => (route === "capture" ? 503 : 200));
  const failed: Unavailable = await client
    .hold({ ...USAGE, id: "request-1" }, (hold) => hold.capture({ units: 3 }))
    .catch((error) => error);
  assert.ok(failed instanceof Unavailable);
  assert.equal(failed.id, "e");
  assert.deepEqual(asked, ["holds", "capture"]);
});
