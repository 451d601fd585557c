/** The client: any route by its name, and the calls that move credits. */

import { Batch, type BatchOptions } from "./batch.js";
import { HoldEnded, Unavailable } from "./errors.js";
import { Hold, type HoldOptions } from "./hold.js";
import { decimal, write, type EventMetadata, type Units } from "./json.js";
import type { Answer, Arguments, Route } from "./routes.js";
import { KEYED, type components } from "./schema.js";
import { Transport, type CallOptions, type ClientOptions } from "./transport.js";

type Schemas = components["schemas"];

/** Whose credits: a customer, by Aureon's id or by yours. */
export type Customer =
  | { customer_id: string; external_customer_id?: undefined }
  | { external_customer_id: string; customer_id?: undefined };

/** What is counted: `units` stands for `metadata.units`. */
export type Usage = Customer & {
  name: string;
  units?: Units;
  metadata?: EventMetadata;
  /** An id of your own, such as your order's: with it, a repeat counts once, for ever. */
  id?: string;
};

/** What has happened. */
export type EventInput = Usage & { timestamp?: string | Date };

/** What is asked for: at most so many units past the credits, 0 unless given. */
export type Charge = Usage & CallOptions & { limit?: Units };

/** Credits that are given, and their terms: without any, they are there for good. */
export type GrantOptions = Usage &
  CallOptions &
  Pick<
    Schemas["GrantBody"],
    "meter_id" | "expires_in_seconds" | "priority" | "recurrence" | "rollover" | "note"
  > & { expires_at?: string | Date };

/** Of which event, and how much: `units` of it, else all that is left. */
export type RefundOptions = CallOptions &
  Pick<Schemas["RefundBody"], "event_id" | "spend_external_id" | "hold_id" | "meter_id" | "reason"> & {
    units?: Units;
    id?: string;
  };

export type VoidOptions = CallOptions & { allow_debt?: boolean };

/** What counts again where it is sent again, unless it has an id of the caller's. */
const ONCE_BY_ID = /^\/v1\/(credits\/(spend|grants|refunds)|customer-meters\/credits)$/;

export class Aureon {
  readonly #transport: Transport;

  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
  }

  /**
   * Call any route: `request("GET /v1/meters/{id}", { path: { id } })`.
   *
   * It is sent again until there is an answer, except where that could make a thing twice.
   */
  async request<Of extends Route>(
    route: Of,
    ...[given]: {} extends Arguments<Of> ? [Arguments<Of>?] : [Arguments<Of>]
  ): Promise<Answer<Of>> {
    const { path = {}, query, body, id, signal, deadlineMs }: Record<string, any> = given ?? {};
    const [method, template] = route.split(" ") as [string, string];
    const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name]));
    const keyed = KEYED.has(route);
    const answer = await this.#transport.send({
      method,
      path: filled + search(query),
      body: body === undefined ? undefined : write(body),
      key: keyed ? (id ?? newId()) : undefined,
      repeatable:
        keyed ||
        method !== "POST" ||
        (ONCE_BY_ID.test(template)
          ? !!body.external_id
          : /^\/v1\/(credits|meters\/preview|events\/\{id\}\/void)/.test(template)),
      signal,
      deadlineMs,
    });
    return answer as Answer<Of>;
  }

  /** Spend units, where there are enough of them. Throws `InsufficientCredits`. */
  spend({ signal, deadlineMs, ...charge }: Charge): Promise<Schemas["Spent"]> {
    const body = bodyOf({ id: newId(), ...charge });
    const options = { signal, deadlineMs };
    return named(body.external_id, this.request("POST /v1/credits/spend", { body, ...options }));
  }

  /** Give credits, for good or with terms; under an id of yours, once for ever. */
  grant({ signal, deadlineMs, expires_at, ...given }: GrantOptions): Promise<Schemas["Grant"]> {
    const { limit, timestamp, ...event } = bodyOf({ id: newId(), ...given });
    const until = expires_at instanceof Date ? expires_at.toISOString() : expires_at;
    const body = { ...event, expires_at: until };
    return named(body.external_id, this.request("POST /v1/credits/grants", { body, signal, deadlineMs }));
  }

  /** A grant with terms, and what has become of it. */
  getGrant(id: string, options: CallOptions = {}): Promise<Schemas["Grant"]> {
    return this.request("GET /v1/credits/grants/{id}", { path: { id }, ...options });
  }

  /** A customer's grants with terms, newest first. */
  listGrants(
    query: Customer & Arguments<"GET /v1/credits/grants">["query"],
    options: CallOptions = {},
  ): Promise<Schemas["GrantPage"]> {
    return this.request("GET /v1/credits/grants", { query, ...options });
  }

  /** Take back what is left of a grant, with `allow_debt` what was used of it too. Again, it changes nothing. */
  voidGrant(id: string, { allow_debt, ...options }: VoidOptions = {}): Promise<Schemas["Grant"]> {
    const body = { allow_debt };
    return this.request("POST /v1/credits/grants/{id}/void", { path: { id }, body, ...options });
  }

  /** Give back what an event took: all that is left of it, or so many units. */
  refund({ signal, deadlineMs, id = newId(), units, ...of }: RefundOptions): Promise<Schemas["Refund"]> {
    const body = { ...of, external_id: id, units: units === undefined ? undefined : decimal(units) };
    return named(id, this.request("POST /v1/credits/refunds", { body, signal, deadlineMs }));
  }

  /** Take an event back: what is left of what it took, or gave; with `allow_debt` all of what it gave. */
  voidEvent(id: string, { allow_debt, ...options }: VoidOptions = {}): Promise<Schemas["Voided"]> {
    return this.request("POST /v1/events/{id}/void", { path: { id }, body: { allow_debt }, ...options });
  }

  /** Count what has happened, and may go past the credits: all of the events, or none. */
  async ingest(
    events: EventInput | readonly EventInput[],
    options: CallOptions & { id?: string } = {},
  ): Promise<Schemas["Ingested"]> {
    const body = { events: [events].flat().map((event) => bodyOf(event as EventInput)) };
    const id = options.id ?? newId();
    return named(id, this.request("POST /v1/events/ingest", { ...options, body, id }));
  }

  /** Collect events, and send them many at a time. */
  batch(options?: BatchOptions): Batch {
    return new Batch(this.#transport, options);
  }

  /**
   * Hold the most that something may take while `work` runs, and capture what it took.
   *
   * Where `work` throws, all of it is given back. Where it returns without a capture, or the signal
   * is aborted, what `hold.use` was told of is captured. What nobody ends, because the process
   * died, expires by itself.
   */
  async hold<Result>(
    options: HoldOptions,
    work: (hold: Hold) => Result | PromiseLike<Result>,
  ): Promise<Result> {
    const hold = await this.placeHold(options);
    return hold.during(() => work(hold), options.signal);
  }

  /** Place a hold that the caller captures or releases. It is extended until then. Throws `HoldEnded`. */
  async placeHold({ signal, deadlineMs, extend, expires_in_seconds, ...charge }: HoldOptions): Promise<Hold> {
    signal?.throwIfAborted();
    const body = { ...bodyOf({ id: newId(), ...charge }), expires_in_seconds };
    // Without the signal: a hold that was placed although nobody waited for it could not be released.
    const placed = await named(body.external_id, this.request("POST /v1/credits/holds", { body, deadlineMs }));
    if (placed.status !== "open") throw new HoldEnded(placed);
    return new Hold(this, placed, expires_in_seconds, extend);
  }
}

/** A usage as the API takes it. */
export function bodyOf<Given extends Usage & { limit?: Units; timestamp?: unknown }>(given: Given) {
  const { id, units, limit, metadata, ...rest } = given;
  return {
    ...rest,
    external_id: id as Given extends { id: string } ? string : string | undefined,
    metadata: units === undefined ? metadata : { ...metadata, units: decimal(units) },
    limit: limit === undefined ? undefined : decimal(limit),
    timestamp: given.timestamp as string | undefined,
  };
}

export function newId(): string {
  return crypto.randomUUID();
}

/** Say in an error under which id the call may be sent again. */
async function named<Result>(id: string, answer: Promise<Result>): Promise<Result> {
  return answer.catch((error) => {
    if (error instanceof Unavailable) error.id = id;
    throw error;
  });
}

function search(query: Record<string, unknown> = {}): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const deep = typeof value === "object" && value !== null && !Array.isArray(value);
    const entries = deep ? Object.entries(value).map(([key, each]) => [`${name}[${key}]`, each]) : [[name, value]];
    for (const [key, each] of entries) {
      for (const one of [each].flat()) pairs.append(key, one instanceof Date ? one.toISOString() : `${one}`);
    }
  }
  return pairs.size ? `?${pairs}` : "";
}
