// What the API answers, from its own document. Every number is a decimal.
import type { Big } from "../text/numbers";
import type { components, paths } from "./document";

/** A type of the document with its numbers as they are read here. */
export type Exact<T> = T extends number
  ? Big
  : T extends (infer Item)[]
    ? Exact<Item>[]
    : T extends object
      ? { [Key in keyof T]: Exact<T[Key]> }
      : T;

type Schemas = components["schemas"];
type Shape<Name extends keyof Schemas> = Exact<Schemas[Name]>;

type Answered<Operation> = Operation extends {
  responses: { 200: { content: { "application/json": infer Answer } } };
}
  ? Answer
  : never;

/** The paths that can be read. */
export type ReadPath = {
  [Path in keyof paths]: [Answered<paths[Path]["get"]>] extends [never] ? never : Path;
}[keyof paths];

export type Answer<Path extends ReadPath> = Exact<Answered<paths[Path]["get"]>>;

type QueryOf<Path extends ReadPath> = paths[Path]["get"] extends { parameters: { query?: infer Q } }
  ? keyof NonNullable<Q>
  : never;
type PathOf<Path extends ReadPath> = paths[Path]["get"] extends { parameters: { path: infer P } }
  ? { path: P }
  : { path?: never };

export type Terms<Path extends ReadPath> = PathOf<Path> & {
  query?: { [Name in QueryOf<Path>]?: string | number | boolean | readonly string[] };
};

export type Metadata = Record<string, unknown>;
export type Value = string | boolean | Big;
export type Scope = Schemas["TokenBody"]["scopes"][number];
export type Access = Shape<"Access">;
export type Organization = Shape<"Organization">;
export type Token = Shape<"Token">;
export type NewToken = Shape<"NewToken">;
export type Customer = Shape<"Customer">;
export type Overview = Shape<"Overview">;
export type RatedBalance = Shape<"RatedCustomerMeter">;
export type Statement = Shape<"Statement">;
export type StatementLine = Shape<"StatementLine">;
export type Refunded = Shape<"Refund">;
export type CreditDay = Shape<"CreditDay">;
export type MeterCredits = Shape<"MeterCredits">;
export type State = Shape<"CustomerState">;
export type Activity = Shape<"Activity">;
export type Meter = Shape<"Meter"> & { backfill?: Shape<"Backfill"> };
export type Balance = Shape<"Balance">;
export type CustomerMeter = Shape<"CustomerMeter">;
export type Threshold = Shape<"Threshold">;
export type Thresholds = Shape<"Thresholds">;
export type Alert = Shape<"Alert">;
export type Hold = Shape<"Hold">;
export type Endpoint = Shape<"WebhookEndpoint">;
export type Delivery = Shape<"WebhookDelivery">;
export type WebhookType = Schemas["EndpointBody"]["events"][number];
export type Event = Shape<"Event">;
export type EventName = Shape<"EventName">;
export type Quantities = Shape<"Quantities">;
export type QuantityGroup = Shape<"QuantityGroup">;
export type Preview = Shape<"Preview">;
export type Grant = Shape<"Grant">;
export type Lot = Shape<"Lot">;
export type Recurrence = Schemas["RecurrenceBody"];
export type Ingested = Shape<"Ingested">;
export type Redriven = Shape<"Redriven">;
export type Pagination = Shape<"Pagination">;
export type Clause = Shape<"Clause">;
export type Operator = Schemas["Clause"]["operator"];
export type Func = Schemas["Aggregation"]["func"];
export type Aggregation = Shape<"Aggregation">;

export interface Filter {
  conjunction: Schemas["Filter"]["conjunction"];
  clauses: (Clause | Filter)[];
}

/** The document says of a page of dead letters that it has items, and not yet what they are. */
export interface DeadLetter {
  id: string;
  first_received_at: string;
  receive_count: Big;
  events: Big | null;
  counted: Big | null;
  succeeds_now: boolean;
  reason: string;
}

export interface List<T> {
  items: T[];
  pagination: Pagination;
}
