// Figures of meters, with their units.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Meter } from "../src/data/shapes";
import { amount, figure, left, standing } from "../src/text/meters";
import { Big } from "../src/text/numbers";

const meter = (unit: string, custom_label: string | null, func = "sum"): Meter =>
  ({ unit, custom_label, aggregation: { func, property: "units" } }) as unknown as Meter;

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
