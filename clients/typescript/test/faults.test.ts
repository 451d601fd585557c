import assert from "node:assert/strict";
import { test } from "node:test";
import { InsufficientCredits } from "@aureon/client";
import { FAULTS, proxy } from "./proxy.js";
import { aureon, customerWith } from "./setup.js";

const WORKERS = 16;
const ROUNDS = 10;
const CREDITS = 1_000_000;
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));

/** mulberry32: the same numbers for the same seed. */
function random(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Two in five requests meet a fault; what takes as long as a time-out is rarer. */
function faulty() {
  const chance = random(seed);
  const met = new Set<string>();
  const url = proxy(() => {
    const fault = chance() < 0.4 ? FAULTS[Math.floor(chance() * FAULTS.length)] : undefined;
    if (fault === "late" && chance() < 0.6) return undefined;
    if (fault) met.add(fault);
    return fault;
  });
  return { url, met };
}

const together = (work: (worker: number) => Promise<unknown>) =>
  Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(worker)));

test(`16 workers, and every fault on the way: each thing counts once, and nothing stays held (SEED=${seed})`, async () => {
  const { url, met } = faulty();
  const options = { url: await url, attemptMs: 2_000, deadlineMs: 60_000 };
  const customers = await Promise.all([1, 2, 3, 4].map(() => customerWith(CREDITS, options)));
  const batch = customers[0]!.client.batch({ maxEvents: 7, maxWaitMs: 1 });
  const expected = new Map(customers.map((customer) => [customer, 0]));

  await together(async (worker) => {
    const chance = random(seed + worker + 1);
    for (let round = 0; round < ROUNDS; round++) {
      const customer = customers[Math.floor(chance() * customers.length)]!;
      const { client, usage } = customer;
      const units = 1 + Math.floor(chance() * 100);
      const count = () => expected.set(customer, expected.get(customer)! + units);
      const kinds = {
        spend: () => client.spend({ ...usage, units }).then(count),
        ingest: () => client.ingest({ ...usage, units }).then(count),
        batch: () => batch.add({ ...usage, units }).then(count),
        capture: () => client.hold({ ...usage, units: 100 }, (hold) => hold.capture({ units })).then(count),
        throw: () => assert.rejects(client.hold({ ...usage, units }, () => Promise.reject(new Error("…"))), /…/),
        hangUp: async () => {
          const stop = new AbortController();
          const work = client.hold({ ...usage, units: 100, signal: stop.signal }, (hold) => {
            hold.used = units;
            stop.abort(new Error("…"));
            stop.signal.throwIfAborted();
          });
          await assert.rejects(work, /…/).then(count);
        },
        refused: () => assert.rejects(client.spend({ ...usage, units: CREDITS * 2 }), InsufficientCredits),
      };
      const names = Object.keys(kinds) as (keyof typeof kinds)[];
      await kinds[names[Math.floor(chance() * names.length)]!]();
    }
  });
  await batch.close();

  for (const [customer, used] of expected) {
    assert.deepEqual(await customer.standing(), {
      balance: `${used - CREDITS}`,
      available_credits: `${CREDITS - used}`,
      held_units: "0",
      used_units: `${used}`,
    });
  }
  assert.deepEqual([...met].sort(), [...FAULTS].sort());
});

test(`16 workers race for 30 credits, through every fault: exactly 30 are admitted (SEED=${seed})`, async () => {
  const { url } = faulty();
  const customer = await customerWith(30, { url: await url, attemptMs: 2_000, deadlineMs: 60_000 });
  let admitted = 0;
  await together(async () => {
    for (let round = 0; round < 3; round++) {
      const spent = customer.client.spend({ ...customer.usage, units: 1 });
      await spent.then(
        () => admitted++,
        (error) => assert.ok(error instanceof InsufficientCredits, error),
      );
    }
  });
  assert.equal(admitted, 30);
  assert.equal((await customer.standing()).balance, "0");
  await assert.rejects(aureon.spend({ ...customer.usage, units: 1 }), InsufficientCredits);
});
