// Thresholds as they are typed: read exactly, refused where they make no sense, and shown as they came.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changedOnly } from "../src/data/edits";
import { asSent, toDrafts, toThresholds } from "../src/data/threshold_draft";
import type { Unit } from "../src/text/meters";
import { Big, writeJson } from "../src/text/numbers";

const CREDITS: Unit = { unit: "scalar", custom_label: null, custom_multiplier: null };
const HOURS: Unit = { unit: "custom", custom_label: "hours", custom_multiplier: new Big(3600) };

const left = (value: string) => ({ kind: "available_credits", value }) as const;
const percent = (value: string) => ({ kind: "percent", value }) as const;

test("what is typed is sent digit by digit", () => {
  const sent = toThresholds([left("1,000.000000001"), percent("12.5"), left("0")], CREDITS);
  assert.equal(
    writeJson(sent),
    '[{"available_credits":1000.000000001},{"percent":12.5},{"available_credits":0}]',
  );
});

test("what can't be reached is not sent", () => {
  for (const draft of [left(""), left("ten"), left("-1"), percent("0"), percent("100.1"), percent("")])
    assert.equal(toThresholds([left("5"), draft], CREDITS), null, `${draft.kind} ${draft.value}`);
  assert.deepEqual(toThresholds([], CREDITS), []);
});

test("what was stored is typed as it was, and is no change", () => {
  const stored = [
    { available_credits: new Big("1000.5"), percent: null },
    { available_credits: null, percent: new Big("20") },
  ];
  assert.deepEqual(toDrafts(stored, CREDITS), [left("1000.5"), percent("20")]);
  const before = { thresholds: asSent(stored, CREDITS), name: "a" };
  assert.deepEqual(
    changedOnly(before, { thresholds: toThresholds(toDrafts(stored, CREDITS), CREDITS) ?? [], name: "a" }),
    {},
  );
  const fewer = { thresholds: asSent(stored.slice(1), CREDITS), name: "a" };
  assert.deepEqual(Object.keys(changedOnly(before, fewer)), ["thresholds"]);
});

test("credits are typed in the unit that is shown, and percent are percent", () => {
  const sent = toThresholds([left("2.5"), percent("10")], HOURS);
  assert.equal(writeJson(sent), '[{"available_credits":9000},{"percent":10}]');
  const stored = [{ available_credits: new Big("1000"), percent: null }];
  assert.deepEqual(toDrafts(stored, HOURS), [left("0.27777777777777777778")]);
  assert.equal(writeJson(asSent(stored, HOURS)), '[{"available_credits":1000}]');
});
