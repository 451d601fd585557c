// A grant of credits: an event that a meter's filter lets pass, and the terms under which that meter
// takes it. Other meters that count such events are left alone.
import { isFilter } from "../text/meters";
import { Big, readJson, writeJson } from "../text/numbers";
import { t } from "../text/words";
import { type Api, isUnknown } from "./client";
import type { Clause, Filter, Grant as Made, Metadata, Meter, Recurrence, Value } from "./shapes";

const PENDING = "aureon.grant.";

/** A grant as it is sent. Its external id makes it count once, through reloads too. */
export interface SentGrant extends Grant, Terms {
  customer_id: string;
  external_id: string;
  note?: string;
}

/** What becomes of credits: without any, they are there for good. */
export interface Terms {
  expires_at?: string;
  priority?: number;
  recurrence?: Omit<Recurrence, "units">;
  rollover?: { max_units: Big };
}

/** Send a grant, remembered until there is an answer. */
export async function sendGrant(api: Api, grant: SentGrant): Promise<Made> {
  sessionStorage.setItem(PENDING + grant.customer_id, writeJson(grant));
  try {
    const result = await api.post<Made>("v1/credits/grants", grant);
    forgetGrant(grant.customer_id);
    return result;
  } catch (error) {
    if (!isUnknown(error)) forgetGrant(grant.customer_id);
    throw error;
  }
}

/** A grant whose answer was lost, by a reload or an expired token say. */
export function lostGrant(customerId: string): SentGrant | undefined {
  const kept = sessionStorage.getItem(PENDING + customerId);
  return kept ? (readJson(kept) as SentGrant) : undefined;
}

export function forgetGrant(customerId: string): void {
  sessionStorage.removeItem(PENDING + customerId);
}

/** An id for what must count once. Without https a browser has no randomUUID. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `dashboard-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export interface Grant {
  name: string;
  metadata: Metadata;
  meter_id: string;
}

/** An event that this meter counts as a grant of so many units; or the reason why no event can be one. */
export function grantOf(meter: Meter, amount: Big): Grant | string {
  const { func, property } = meter.aggregation;
  if (func !== "sum" || !property) return t("Only meters that sum a number can grant credits.");
  // It is sent as what it gives, and counts as a negative event.
  const wanted = new Map<string, Value>([[bare(property), amount.times(-1)]]);
  if (!satisfy(meter.filter, wanted)) {
    return t("This meter's filter is too specific for a form: add an event with a negative value.");
  }
  const name = wanted.get("name") ?? "credit_grant";
  const source = wanted.get("source") ?? "user";
  if (typeof name !== "string" || source !== "user") {
    return t("This meter does not count events added by hand.");
  }
  const metadata = Object.fromEntries([...wanted].filter(([key]) => key !== "name" && key !== "source"));
  return { name, metadata: { ...metadata, [bare(property)]: amount }, meter_id: meter.id };
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
    const checks = {
      eq: order === 0,
      ne: order !== 0,
      gt: order > 0,
      gte: order >= 0,
      lt: order < 0,
      lte: order <= 0,
    };
    return operator in checks && checks[operator as keyof typeof checks];
  }
  if (typeof known === "string" && typeof value === "string") {
    if (operator === "like") return known.includes(value);
    if (operator === "not_like") return !known.includes(value);
  }
  if (operator === "eq") return known === value;
  return operator === "ne" && known !== value;
}
