// What meters count, in words; and events that they would count.
import { Big, exact } from "./numbers";
import type { Aggregation, Balance, Clause, Filter, Func, Meter, Metadata, Operator, Value } from "./shapes";

export const OPERATORS: Record<Operator, string> = {
  eq: "is",
  ne: "is not",
  gt: "is more than",
  gte: "is at least",
  lt: "is less than",
  lte: "is at most",
  like: "contains",
  not_like: "does not contain",
};

export const FUNCTIONS: Record<Func, { label: string; hint: string }> = {
  sum: { label: "Sum", hint: "Adds up a number of each event. Credits can be granted." },
  count: { label: "Count", hint: "Counts events." },
  avg: { label: "Average", hint: "The mean of a number." },
  max: { label: "Maximum", hint: "The greatest number." },
  min: { label: "Minimum", hint: "The least number." },
  unique: { label: "Unique", hint: "Counts different values." },
};

export const isFilter = (one: Clause | Filter): one is Filter => "clauses" in one;

/** What a meter measures: `Sum of units, where name is “api_usage”`. */
export function describe({ aggregation, filter }: Meter): string {
  const measured = describeAggregation(aggregation);
  if (filter.clauses.length > 0) return `${measured}, where ${describeFilter(filter)}`;
  return aggregation.func === "count" ? measured : `${measured}, of all events`;
}

export function describeFilter(filter: Filter): string {
  if (filter.clauses.length === 0) return "all events";
  return filter.clauses
    .map((clause) => {
      if (isFilter(clause)) return `(${describeFilter(clause)})`;
      return `${clause.property} ${OPERATORS[clause.operator]} ${describeValue(clause.value)}`;
    })
    .join(` ${filter.conjunction} `);
}

export function describeValue(value: unknown): string {
  return value instanceof Big ? exact(value) : typeof value === "string" ? `“${value}”` : String(value);
}

export function describeAggregation({ func, property }: Aggregation): string {
  return func === "count" ? "Count of events" : `${FUNCTIONS[func].label} of ${property}`;
}

const LEAST_NAME_CHARACTERS = 3;

/** What is wrong with a meter's name; empty where nothing is. */
export const nameProblem = (name: string): string =>
  name.trim().length < LEAST_NAME_CHARACTERS ? `A name has at least ${LEAST_NAME_CHARACTERS} characters.` : "";

/** Whether a balance of this meter is credits: what else it may be has no "left". */
export const hasCredits = (meter: Meter): boolean => ["sum", "count"].includes(meter.aggregation.func);

/** Whether a meter still counts what happened before it was made: one that is archived counts nothing. */
export const isCounting = ({ backfill, archived_at }: Meter): boolean => !archived_at && backfill?.complete === false;

/** What a customer has left, in words: `10 credits left`, `1 over`. */
export function left(meter: Meter, balance: Balance): string {
  if (!hasCredits(meter)) return exact(balance.balance);
  if (balance.available_credits.gt(0)) {
    return `${exact(balance.available_credits)} ${balance.available_credits.eq(1) ? "credit" : "credits"} left`;
  }
  return balance.balance.gt(0) ? `${exact(balance.balance)} over` : "No credits left";
}

/** A balance without its sign: `7 in credit`, `1 over`. */
export function standing(balance: Big): string {
  if (balance.eq(0)) return "0";
  return balance.lt(0) ? `${exact(balance.abs())} in credit` : `${exact(balance)} over`;
}

export interface Grant {
  name: string;
  metadata: Metadata;
}

/** An event that this meter counts as a grant of so much; or why there is none. */
export function grantOf(meter: Meter, amount: Big, note: string): Grant | string {
  const { func, property } = meter.aggregation;
  if (func !== "sum" || !property) return "Only meters that sum a number can grant credits.";
  const units = amount.times(-1);
  const wanted = new Map<string, Value>([[bare(property), units]]);
  if (!satisfy(meter.filter, wanted)) {
    return "This meter's filter is too particular for a form: ingest an event with a negative value.";
  }
  const name = wanted.get("name") ?? "credit_grant";
  const source = wanted.get("source") ?? "user";
  if (typeof name !== "string" || source !== "user") {
    return "This meter counts no events that are made by hand.";
  }
  const metadata = Object.fromEntries([...wanted].filter(([key]) => key !== "name" && key !== "source"));
  if (note && !("note" in metadata)) metadata.note = note;
  return { name, metadata };
}

const bare = (property: string): string => property.replace(/^metadata\./, "");

/** Add to `wanted` what a filter wants of an event's properties; false where that is unknown. */
function satisfy(filter: Filter, wanted: Map<string, Value>): boolean {
  if (filter.conjunction === "and" || filter.clauses.length === 0) {
    return ordered(filter.clauses).every((clause) => satisfyOne(clause, wanted));
  }
  return filter.clauses.some((clause) => {
    const attempt = new Map(wanted);
    if (!satisfyOne(clause, attempt)) return false;
    for (const [key, value] of attempt) wanted.set(key, value);
    return true;
  });
}

/** What says one value first: the others are then only checked. */
const ordered = (clauses: (Clause | Filter)[]): (Clause | Filter)[] =>
  [...clauses].sort((a, b) => rank(a) - rank(b));
const rank = (clause: Clause | Filter): number => (isFilter(clause) ? 2 : clause.operator === "eq" ? 0 : 1);

function satisfyOne(clause: Clause | Filter, wanted: Map<string, Value>): boolean {
  if (isFilter(clause)) return satisfy(clause, wanted);
  const property = bare(clause.property);
  if (property === "timestamp") return false;
  const known = wanted.get(property);
  if (known !== undefined) return holds(known, clause);
  const value = example(clause);
  if (value === undefined) return false;
  wanted.set(property, value);
  return true;
}

function example({ operator, value }: Clause): Value | undefined {
  if (["eq", "like", "gte", "lte"].includes(operator)) return value;
  if (value instanceof Big) return operator === "gt" || operator === "ne" ? value.plus(1) : value.minus(1);
  if (typeof value === "boolean") return operator === "ne" ? !value : undefined;
  return operator === "ne" ? `not ${value}` : undefined;
}

function holds(known: Value, { operator, value }: Clause): boolean {
  if (known instanceof Big && value instanceof Big) {
    const order = known.cmp(value);
    const checks = { eq: order === 0, ne: order !== 0, gt: order > 0, gte: order >= 0, lt: order < 0, lte: order <= 0 };
    return operator in checks && checks[operator as keyof typeof checks];
  }
  if (typeof known === "string" && typeof value === "string") {
    if (operator === "like") return known.includes(value);
    if (operator === "not_like") return !known.includes(value);
  }
  if (operator === "eq") return known === value;
  return operator === "ne" && known !== value;
}
