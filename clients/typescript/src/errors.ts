/**
 * What can go wrong.
 *
 * AureonError
 * ├── InsufficientCredits  402: there is too little left; nothing was stored
 * ├── HoldEnded            the hold under this id was captured or released before, or has expired
 * ├── Unavailable          no answer in time: send the same again under the same id
 * └── EventsRejected       events of a batch that break a rule; the others were sent
 */

import type { DecimalText } from "./json.js";
import type { components } from "./schema.js";

type Problem = components["schemas"]["Problem"];

/** An answer that is an error. `status` is 0 where there was no answer. */
export class AureonError extends Error {
  override name = "AureonError";

  constructor(
    message: string,
    /** The HTTP status. */
    readonly status: number,
    /** The decoded body, or its text. */
    readonly body: unknown,
    /** The `x-request-id` of the answer, which the service's logs have too. */
    readonly request_id: string | undefined,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** The fixed name of the error, such as `ResourceNotFound`. */
  get error(): string | undefined {
    return field(this.body, "error");
  }
}

/** A spend, a hold or a capture would take more than there is. */
export class InsufficientCredits extends AureonError {
  override name = "InsufficientCredits";

  get meter_id(): string {
    return field(this.body, "meter_id")!;
  }
  get available_credits(): DecimalText {
    return field(this.body, "available_credits")!;
  }
  get required(): DecimalText {
    return field(this.body, "required")!;
  }
}

/** There was a hold under this id, and it has ended: its work was done before, or given up. */
export class HoldEnded extends AureonError {
  override name = "HoldEnded";

  constructor(readonly hold: components["schemas"]["Hold"]) {
    super(`The hold ${hold.external_id} is ${hold.status}`, 200, hold, undefined);
  }
}

/** No answer before the deadline. A write may have counted, or not: sent again under `id`, it counts once. */
export class Unavailable extends AureonError {
  override name = "Unavailable";
  /** The id that the call was sent under, if it takes one. */
  id: string | undefined;
}

/** Events that break a rule, each with what is wrong with it; nothing of them was stored. */
export class EventsRejected extends AureonError {
  override name = "EventsRejected";

  constructor(
    readonly rejected: readonly { event: unknown; problems: readonly Problem[] }[],
    cause: AureonError,
  ) {
    const first = rejected[0]?.problems[0]?.msg ?? cause.message;
    super(`${rejected.length} events were rejected: ${first}`, 422, cause.body, cause.request_id, { cause });
  }
}

/** The error of an answer. */
export function errorOf(status: number, body: unknown, requestId: string | undefined): AureonError {
  const named = field(body, "error");
  const detail = field(body, "detail") ?? field(body, "error_description");
  const kind = named === "InsufficientCredits" ? InsufficientCredits : AureonError;
  return new kind(`${status} ${named ?? ""}: ${messageOf(detail ?? body)}`, status, body, requestId);
}

function messageOf(detail: unknown): string {
  if (!Array.isArray(detail)) return typeof detail === "string" ? detail : JSON.stringify(detail);
  return detail.map(({ loc, msg }: Problem) => `${loc.join(".")}: ${msg}`).join("; ");
}

function field(body: unknown, name: string): any {
  return (body as Record<string, unknown> | null)?.[name];
}
