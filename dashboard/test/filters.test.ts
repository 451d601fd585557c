import assert from "node:assert/strict";
import { test } from "node:test";
import { changedOnly } from "../src/data/edits";
import { metadataOf, metadataProblem, newEntry } from "../src/data/event_draft";
import { type DraftClause, newClause, newFilter, toFilter } from "../src/data/filter_draft";
import { grantOf } from "../src/data/grant";
import type { Filter, Meter } from "../src/data/shapes";
import { describeFilter } from "../src/text/meters";
import { Big } from "../src/text/numbers";

const clause = (part: Partial<DraftClause>): DraftClause => ({ ...newClause(), ...part });

test("a filter is taken once nothing of it is missing, groups included", () => {
  const draft = { ...newFilter(), clauses: [clause({ text: "api_usage" }), newFilter()] };
  assert.equal(toFilter(draft), null);
  const inner = {
    ...newFilter(),
    clauses: [clause({ property: "units", kind: "number", operator: "gt", text: "1,000" })],
  };
  const filter = toFilter({ ...draft, clauses: [clause({ text: "api_usage" }), inner] });
  assert.equal(describeFilter(filter as Filter), "name is “api_usage” and (units is more than 1,000)");
});

test("a clause compares with whole numbers, texts and truths", () => {
  const of = (part: Partial<DraftClause>) => toFilter({ ...newFilter(), clauses: [clause(part)] });
  assert.equal(of({ kind: "number", text: "2.5" }), null);
  assert.deepEqual(of({ kind: "truth", text: "" })?.clauses[0], {
    property: "name",
    operator: "eq",
    value: true,
  });
  assert.equal(of({ property: " ", text: "x" }), null);
});

function meter(filter: Filter, func: "sum" | "count" = "sum"): Meter {
  return { filter, aggregation: { func, property: func === "sum" ? "metadata.units" : undefined } } as Meter;
}

test("a grant is an event that the meter's filter lets pass, of its meter alone", () => {
  const filter: Filter = {
    conjunction: "and",
    clauses: [
      { property: "name", operator: "like", value: "call" },
      { property: "metadata.plan", operator: "ne", value: "free" },
      {
        conjunction: "or",
        clauses: [
          { property: "timestamp", operator: "lt", value: new Big(0) },
          { property: "priority", operator: "gt", value: new Big(3) },
        ],
      },
    ],
  };
  assert.deepEqual(grantOf(meter(filter), new Big(10)), {
    name: "call",
    metadata: { units: new Big(10), plan: "not free", priority: new Big(4) },
    meter_id: meter(filter).id,
  });
});

test("a meter that no event of a form passes says so", () => {
  const positive: Filter = {
    conjunction: "and",
    clauses: [{ property: "units", operator: "gt", value: new Big(0) }],
  };
  assert.match(String(grantOf(meter(positive), new Big(10))), /too specific/);
  assert.match(
    String(grantOf(meter({ conjunction: "and", clauses: [] }, "count"), new Big(1))),
    /sum a number/,
  );
});

test("metadata has each key once, with a value of its kind", () => {
  const entry = (key: string, text: string) => ({ ...newEntry(key), text });
  assert.equal(metadataProblem([entry("units", "3")]), "");
  assert.match(metadataProblem([entry("units", "many")]), /not a number/);
  assert.match(metadataProblem([entry("units", "3"), entry("units", "4")]), /twice/);
  assert.deepEqual(metadataOf([entry(" units ", "3"), entry("", "")]), { units: new Big(3) });
});

test("an edit sends only what was changed", () => {
  assert.deepEqual(changedOnly({ name: "Ada", email: "a@b.c" }, { name: "Ada", email: "d@b.c" }), {
    email: "d@b.c",
  });
});
