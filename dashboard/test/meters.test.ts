// Figures of meters, with their units.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Meter } from "../src/data/shapes";
import { isForYears } from "../src/text/forecast";
import { amount, figure, left, scaled, standing, unscaled } from "../src/text/meters";
import { Big } from "../src/text/numbers";

const meter = (unit: string, custom_label: string | null, func = "sum", multiplier?: number): Meter =>
  ({
    unit,
    custom_label,
    custom_multiplier: multiplier ? new Big(multiplier) : null,
    aggregation: { func, property: "units" },
  }) as unknown as Meter;

const EUR = meter("custom", "EUR");

test("money has the decimals of its currency, and more where there are more", () => {
  assert.equal(amount(EUR, new Big("1234.5")), "1,234.50 EUR");
  assert.equal(amount(EUR, new Big("0.00015")), "0.00015 EUR");
  assert.equal(amount(meter("custom", "JPY"), new Big(5)), "5 JPY");
  assert.equal(amount(meter("custom", "KWD"), new Big(5)), "5.000 KWD");
  assert.equal(figure(EUR, new Big(0)), "0.00");
  assert.equal(standing(new Big("-3.5"), EUR), "3.50 in credit");
  assert.equal(left(EUR, { balance: new Big("2.5"), available_credits: new Big(0) }), "2.50 over");
});

test("other units have the digits that there are", () => {
  assert.equal(amount(meter("custom", "pages"), new Big("1.5")), "1.5 pages");
  assert.equal(amount(meter("custom", "XYZ"), new Big(1)), "1 XYZ");
  assert.equal(amount(meter("token", null), new Big(1)), "1 token");
  assert.equal(amount(meter("scalar", null), new Big(2)), "2 credits");
});

test("an average has three digits behind the mark at most", () => {
  assert.equal(figure(meter("scalar", null, "avg"), new Big("2.66666")), "2.667");
  assert.equal(figure(meter("custom", "EUR", "avg"), new Big("2.5")), "2.50");
});

test("a unit of many counted ones is shown divided by them, and typed times them", () => {
  const GB = meter("custom", "GB", "sum", 1_000_000_000);
  assert.equal(amount(GB, new Big("1500000000")), "1.5 GB");
  assert.equal(amount(GB, new Big(1)), "0.000000001 GB");
  assert.equal(standing(new Big(-2_000_000_000), GB), "2 in credit");
  assert.equal(left(GB, { balance: new Big(-1), available_credits: new Big(250_000_000) }), "0.25 GB left");
  assert.equal(unscaled(GB, new Big("1.5")).toFixed(), "1500000000");
  assert.equal(amount(meter("custom", "EUR", "sum", 100), new Big(1250)), "12.50 EUR");
});

test("a quotient without an end is rounded where it is shown, and typed back as it was", () => {
  const hours = meter("custom", "hours", "sum", 3600);
  assert.equal(figure(hours, new Big(1000)), "0.278");
  assert.equal(figure(hours, new Big(1)), "0.000278");
  assert.equal(figure(hours, new Big(5400)), "1.5");
  assert.equal(unscaled(hours, scaled(hours, new Big(1000))).toFixed(), "1000");
});

test("a multiplier is of a unit of the seller's own alone", () => {
  assert.equal(amount(meter("scalar", null, "sum", 1000), new Big(5000)), "5,000 credits");
  assert.equal(amount(meter("token", null, "sum", 1000), new Big(5000)), "5,000 tokens");
  assert.equal(
    unscaled(meter("scalar", null, "sum", 1000), new Big("0.0000000001")).toFixed(),
    "0.0000000001",
  );
});

test("what counts no credits has its unit, and nothing left", () => {
  const latency = meter("custom", "ms", "avg");
  assert.equal(left(latency, { balance: new Big(12), available_credits: new Big(0) }), "12 ms");
});

test("what lasts for decades is not told in days", () => {
  assert.equal(isForYears(new Big(3650)), false);
  assert.equal(isForYears(new Big(3651)), true);
});
