import assert from "node:assert/strict";
import { test } from "node:test";
import { Aureon, Decimal } from "@aureon/client";
import { answer, aureon, customerWith, serve } from "./setup.js";

/** What a body looks like on the wire, and what an answer looks like to the caller. */
async function across(body: unknown, answered = "{}") {
  let sent = "";
  const url = await serve((_, text, response) => {
    sent = text;
    answer(response, 200, answered);
  });
  const client = new Aureon({ url, token: "t" });
  const read = await client.request("POST /v1/credits/spend", { body: body as any });
  return { sent, read: read as unknown };
}

test("numbers are sent as they are written", async () => {
  const { sent } = await across({
    units: 0.1,
    large: 123456789012345678901234567890n,
    decimal: new Decimal("123456789012345.123456789"),
    text: "1.0",
    list: [1, "#n5", '"#n6"', null, true],
    absent: undefined,
    "#n7": new Date(0),
  });
  assert.equal(
    sent,
    '{"units":0.1,"large":123456789012345678901234567890,"decimal":123456789012345.123456789,' +
      '"text":"1.0","list":[1,"#n5","\\"#n6\\"",null,true],"#n7":"1970-01-01T00:00:00.000Z"}',
  );
});

test("a string of units is a decimal", async () => {
  const customer = await customerWith("123456789012345.123456789");
  const spent = await aureon.spend({ ...customer.usage, units: "0.000000001" });
  assert.equal(spent.meters[0]?.available_credits, "123456789012345.123456788");
  assert.deepEqual(await customer.standing(), {
    balance: "-123456789012345.123456788",
    available_credits: "123456789012345.123456788",
    held_units: "0",
    used_units: "0.000000001",
  });
});

for (const [value, why] of [
  [2 ** 53, "not exact"],
  [NaN, "not exact"],
  [Infinity, "not exact"],
  ["1.", "Not a decimal"],
  ["0x1", "Not a decimal"],
  ["", "Not a decimal"],
] as const) {
  test(`units of ${JSON.stringify(value)} (${value}) are refused before anything is sent`, async () => {
    const spend = async () => aureon.spend({ external_customer_id: "x", name: "x", units: value });
    await assert.rejects(spend, new RegExp(why));
  });
}

test("decimals are read with all of their digits, and other numbers where they are exact", async () => {
  const { read } = await across({}, `{
    "balance": -123456789012345.123456789, "available_credits": 1, "limit": 1e3,
    "inserted": 7, "unknown": 0.1, "unknown_and_long": 0.12345678901234567,
    "metadata": {"units": 1.50, "balance": 3, "long": 12345678901234567890, "text": "#n5", "\\u0023s": "\\u0023n6"},
    "filter": {"clauses": [{"value": 10}]},
    "list": ["a \\"quoted\\": 5", 1, {"units": 2}, null, true, "", "\\\\", "#"]
  }`);
  assert.deepEqual(read, {
    balance: "-123456789012345.123456789",
    available_credits: "1",
    limit: "1000",
    inserted: 7,
    unknown: 0.1,
    unknown_and_long: new Decimal("0.12345678901234567"),
    metadata: { units: 1.5, balance: 3, long: new Decimal("12345678901234567890"), text: "#n5", "#s": "#n6" },
    filter: { clauses: [{ value: 10 }] },
    list: ['a "quoted": 5', 1, { units: "2" }, null, true, "", "\\", "#"],
  });
  assert.equal(`${(read as any).metadata.long}`, "12345678901234567890");
});

test("a decimal is read without its exponent", async () => {
  const written = ["1E-9", "-1.5e-2", "1.50e1", "0.5e1", "12e+3", "0E-8", "1e0", "7", "1e999"];
  const { read } = await across({}, `[${written.map((each) => `{"balance":${each}}`).join()}]`);
  const expected = ["0.000000001", "-0.015", "15.0", "5", "12000", "0.00000000", "1", "7", "1e999"];
  assert.deepEqual(read, expected.map((balance) => ({ balance })));
});
