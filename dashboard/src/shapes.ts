// What the API answers, as far as it is shown. Every number is a decimal.
import type { Big } from "./numbers";

export type Value = string | boolean | Big;
export type Metadata = Record<string, unknown>;

export interface List<T> {
  items: T[];
  pagination: { total_count: Big; max_page: Big };
}

export interface Access {
  organization_id: string;
  organization_name: string;
  scopes: string[];
  expires_at: string | null;
  token_id: string;
}

export interface Token {
  id: string;
  name: string;
  scopes: string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}

export interface Customer {
  id: string;
  created_at: string;
  email: string;
  name: string | null;
  external_id: string | null;
  metadata: Metadata;
  deleted_at: string | null;
}

export type Operator = "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "like" | "not_like";

export interface Clause {
  property: string;
  operator: Operator;
  value: Value;
}

export interface Filter {
  conjunction: "and" | "or";
  clauses: (Clause | Filter)[];
}

export type Func = "sum" | "count" | "avg" | "max" | "min" | "unique";

export interface Aggregation {
  func: Func;
  property?: string | null;
}

export interface Meter {
  id: string;
  name: string;
  created_at: string;
  archived_at: string | null;
  filter: Filter;
  aggregation: Aggregation;
  backfill?: { complete: boolean; ledgers: Big; total_ledgers: Big | null; events: Big };
}

export interface Balance {
  id: string;
  meter_id: string;
  balance: Big;
  available_credits: Big;
  held_units: Big;
  used_units: Big;
  granted_units: Big;
  complete: boolean;
  modified_at: string;
}

export interface CustomerMeter extends Balance {
  customer_id: string;
  customer: Customer;
  meter: Meter;
}

export interface State extends Customer {
  active_meters: Balance[];
}

export interface Event {
  id: string;
  timestamp: string;
  customer_id: string | null;
  customer: Customer | null;
  external_customer_id: string | null;
  external_id: string | null;
  name: string;
  source: string;
  metadata: Metadata;
}

export interface EventName {
  name: string;
  source: string;
  occurrences: Big;
  first_seen: string;
  last_seen: string;
}

/** What was used and granted is known of meters that sum or count. */
export interface Moved {
  used_units: Big | null;
  granted_units: Big | null;
}

export interface Quantities extends Moved {
  quantities: ({ timestamp: string; quantity: Big } & Moved)[];
  total: Big;
  complete: boolean;
}

export interface Preview {
  items: { event: Event; matches: boolean; counts: boolean; value: Big | null }[];
  examined: Big;
  counted: Big;
  total: Big;
}

export interface DeadLetter {
  id: string;
  first_received_at: string;
  receive_count: Big;
  events: Big | null;
  counted: Big | null;
  succeeds_now: boolean | null;
  reason: string | null;
}

export type DeadLetters = List<DeadLetter> & { complete: boolean; queue: boolean };

export interface Ingested {
  inserted: Big;
  duplicates: Big;
  conflicts?: Big[];
}
