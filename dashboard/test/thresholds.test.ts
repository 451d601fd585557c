// Thresholds as they are typed: read exactly, refused where they make no sense, and shown as they came.
import assert from "node:assert/strict";
import { test } from "node:test";
import { changedOnly } from "../src/data/edits";
import { asSent, toDrafts, toThresholds } from "../src/data/threshold_draft";
import { Big, writeJson } from "../src/text/numbers";

const left = (value: string) => ({ kind: "available_credits", value }) as const;
const percent = (value: string) => ({ kind: "percent", value }) as const;

test("what is typed is sent digit by digit", () => {
  const sent = toThresholds([left("1,000.000000001"), percent("12.5"), left("0")]);
  assert.equal(
    writeJson(sent),
    '[{"available_credits":1000.000000001},{"percent":12.5},{"available_credits":0}]',
  );
});

test("what can't be reached is not sent", () => {
  for (const draft of [left(""), left("ten"), left("-1"), percent("0"), percent("100.1"), percent("")])
    assert.equal(toThresholds([left("5"), draft]), null, `${draft.kind} ${draft.value}`);
  assert.deepEqual(toThresholds([]), []);
});

test("what was stored is typed as it was, and is no change", () => {
  const stored = [
    { available_credits: new Big("1000.5"), percent: null },
    { available_credits: null, percent: new Big("20") },
  ];
  assert.deepEqual(toDrafts(stored), [left("1000.5"), percent("20")]);
  const before = { thresholds: asSent(stored), name: "a" };
  assert.deepEqual(changedOnly(before, { thresholds: toThresholds(toDrafts(stored)) ?? [], name: "a" }), {});
  const fewer = { thresholds: asSent(stored.slice(1)), name: "a" };
  assert.deepEqual(Object.keys(changedOnly(before, fewer)), ["thresholds"]);
});
