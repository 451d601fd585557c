/** The patterns of docs/patterns.md, in the client: each with repeats, crashes and callers at the same time. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Aureon, HoldEnded, InsufficientCredits, type Units } from "@aureon/client";
import { aureon, meterOf } from "./setup.js";

const TOKENS = `tokens-${randomUUID()}`;
const meter = await meterOf(TOKENS);
const CALLERS = 8;

async function someone(): Promise<string> {
  const external_id = `user-${randomUUID()}`;
  await aureon.request("POST /v1/customers/", { body: { email: `${external_id}@example.com`, external_id } });
  return external_id;
}

async function standingOf(user: string, client = aureon) {
  const path = { external_id: user };
  const state = await client.request("GET /v1/customers/external/{external_id}/state", { path });
  return state.active_meters.find(({ meter_id }) => meter_id === meter)!;
}

async function balanceOf(user: string) {
  const { balance, available_credits } = await standingOf(user);
  return { balance: Number(balance), left: Number(available_credits) };
}

/** A paid order grants credits: under its id, so that the payment's webhook may come twice. */
async function grant(user: string, units: number, id: string): Promise<boolean> {
  const { inserted } = await aureon.ingest({ external_customer_id: user, name: TOKENS, units: -units, id });
  return inserted === 1;
}

/** What is left, or null, with nothing spent, where it is too little. */
async function spend(user: string, units: Units, id: string, limit: Units = 0): Promise<number | null> {
  try {
    const spent = await aureon.spend({ external_customer_id: user, name: TOKENS, units, id, limit });
    return Number(spent.meters[0]!.available_credits);
  } catch (error) {
    if (error instanceof InsufficientCredits) return null;
    throw error;
  }
}

const together = <Result>(work: (caller: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: CALLERS }, (_, caller) => work(caller)));

type Pattern = (client: Aureon, user: string) => Promise<unknown>;

const grantTo: (units: number) => Pattern = (units) => (client, user) =>
  client.ingest({ external_customer_id: user, name: TOKENS, units: -units, id: `order/${user}` });

const answerFor: (units: number) => Pattern = (units) => (client, external_customer_id) =>
  client
    .hold({ external_customer_id, name: TOKENS, units: 30, id: `${external_customer_id}/2` }, (hold) =>
      hold.capture({ units, limit: 10n ** 14n }),
    )
    .catch((error) => {
      if (!(error instanceof HoldEnded)) throw error;
    });

/** What each leaves of 100 credits: the balance, what was used, and what was granted. */
const PATTERNS: Record<string, [Pattern, [balance: number, used: number, granted: number]]> = {
  "top-up": [grantTo(100), [-200, 0, 200]],
  "spend before serving": [
    (client, user) => client.spend({ external_customer_id: user, name: TOKENS, units: 30, id: `${user}/1` }),
    [-70, 30, 100],
  ],
  "free monthly allowance": [
    (client, user) =>
      client.grant({
        external_customer_id: user,
        name: TOKENS,
        units: 10,
        id: `allowance/${user}`,
        recurrence: { every: "month" },
      }),
    [-110, 0, 110],
  ],
  "a hold for a call to a language model": [answerFor(17), [-83, 17, 100]],
  "an answer that cost more than was held": [answerFor(115), [15, 115, 100]],
  overage: [
    async (client, user) => {
      const usage = { external_customer_id: user, name: TOKENS, id: `${user}/1` };
      await client.spend({ ...usage, units: 130, limit: 50 });
      const { balance } = await standingOf(user, client);
      if (Number(balance) > 0) await client.ingest({ ...usage, units: `-${balance}`, id: `invoice/${user}` });
    },
    [0, 130, 130],
  ],
};

/** A client whose process dies at a request, or before it hears the answer, and when it has. */
function mortal(requests: number, hears: boolean): { client: Aureon; died: Promise<"died"> } {
  let die = () => {};
  const died = new Promise<"died">((resolve) => (die = () => resolve("died")));
  const client = new Aureon({
    // So long its ghost goes on trying, and nothing gets through.
    deadlineMs: 5_000,
    fetch: async (...request) => {
      const sent = requests-- > 0;
      const answer = sent || (requests === -1 && !hears) ? await fetch(...request) : undefined;
      if (sent) return answer!;
      await answer?.text();
      die();
      throw new Error("dead");
    },
  });
  return { client, died };
}

for (const [name, [pattern, left]] of Object.entries(PATTERNS)) {
  for (const hears of [true, false]) {
    test(`${name}: done again after a crash ${hears ? "before" : "after"} each of its requests`, async () => {
      let requests = 0;
      for (; ; requests++) {
        const user = await someone();
        await grant(user, 100, randomUUID());
        const { client, died } = mortal(requests, hears);
        const work = pattern(client, user);
        work.catch(() => {});
        if ((await Promise.race([work, died])) !== "died") break;
        for (const _ of ["again", "and again"]) await pattern(aureon, user);
        const found = await standingOf(user);
        assert.deepEqual([found.balance, found.used_units, found.granted_units].map(Number), left);
        assert.equal(Number(found.held_units), 0);
      }
      assert.ok(requests > 0);
    });
  }
}

test("top-up: webhooks that come many times at once grant once", async () => {
  const user = await someone();
  const order = randomUUID();
  const granted = await together(() => grant(user, 100, order));
  assert.equal(granted.filter(Boolean).length, 1);
  assert.equal(await grant(user, 100, order), false);
  assert.equal((await balanceOf(user)).left, 100);
});

test("spend before serving: as many are served as there are credits for, each of them once", async () => {
  const user = await someone();
  await grant(user, 100, randomUUID());
  const request = randomUUID();
  const repeated = await together(() => spend(user, 30, request));
  assert.deepEqual(repeated, Array(CALLERS).fill(70));
  const raced = await together(() => spend(user, 30, randomUUID()));
  assert.equal(raced.filter((left) => left !== null).length, 2);
  assert.equal((await balanceOf(user)).left, 10);
});

test("free monthly allowance: granted once, spent before what is paid", async () => {
  const user = await someone();
  await grant(user, 100, randomUUID());

  const signUp = () =>
    aureon.grant({
      external_customer_id: user,
      name: TOKENS,
      units: 10,
      id: `allowance/${user}`,
      recurrence: { every: "month" },
      rollover: { max_units: 5 },
      priority: 10,
    });
  const ids = (await together(signUp)).map(({ id }) => id);
  assert.deepEqual([...new Set(ids)], [(await signUp()).id]);
  assert.equal((await balanceOf(user)).left, 110);

  assert.equal(await spend(user, 18, randomUUID()), 92);
  const allowance = await aureon.getGrant(ids[0]!);
  assert.deepEqual([allowance.remaining_units, allowance.units].map(Number), [0, 10]);
});

test("holds for calls to a language model: what runs at once never takes more than there is", async () => {
  const user = await someone();
  await grant(user, 100, randomUUID());

  const answer = (id: string, used: number) =>
    aureon
      .hold({ external_customer_id: user, name: TOKENS, units: 30, id }, async (hold) => {
        // Until as many as there may be have begun: the others have been refused.
        if (++begun === 3) begin();
        await all;
        if (used < 0) throw new Error("the model failed");
        await hold.capture({ units: used });
        return used;
      })
      .catch((error) => {
        if (error instanceof HoldEnded) return error.hold.status;
        return error instanceof InsufficientCredits ? "too few credits" : "failed";
      });
  let begun = 0;
  let begin = () => {};
  const all = new Promise<void>((resolve) => (begin = resolve));

  const answers = await together((caller) => answer(randomUUID(), caller % 2 ? 17 : -1));
  assert.equal(answers.filter((each) => each === "too few credits").length, CALLERS - 3);
  const used = answers.filter((each) => each === 17).length * 17;
  assert.deepEqual(await balanceOf(user), { balance: used - 100, left: 100 - used });

  // A crash after the capture: the request is sent again, under its id, and costs nothing more.
  const id = randomUUID();
  assert.deepEqual([await answer(id, 17), await answer(id, 17)], [17, "captured"]);
  assert.equal((await balanceOf(user)).left, 100 - used - 17);
});

test("an answer that cost more than was held is counted, as far as its capture allows", async () => {
  const user = await someone();
  await grant(user, 45, randomUUID());
  await aureon.hold({ external_customer_id: user, name: TOKENS, units: 45 }, async (hold) => {
    await assert.rejects(hold.capture({ units: 60 }), InsufficientCredits);
    for (const _ of ["first", "again"]) await hold.capture({ units: 60, limit: 10n ** 14n });
  });
  assert.deepEqual(await balanceOf(user), { balance: 15, left: 0 });
});

test("overage: as far past the credits as may be, and billed once", async () => {
  const user = await someone();
  await grant(user, 20, randomUUID());
  assert.equal(await spend(user, 30, randomUUID(), 100), 0);
  assert.equal(await spend(user, 95, randomUUID(), 100), null);

  const invoice = randomUUID();
  async function bill(): Promise<number> {
    const owed = Math.max(0, (await balanceOf(user)).balance);
    if (owed) await grant(user, owed, `invoice/${invoice}`);
    return owed;
  }
  const owed = await together(bill);
  assert.ok(owed.every((each) => each === 0 || each === 10));
  assert.deepEqual(await balanceOf(user), { balance: 0, left: 0 });
  assert.equal(await bill(), 0);
});
