/** A hold: units that are kept for a caller until it is known how many of them it took. */

import type { Aureon, Charge } from "./client.js";
import { AureonError, InsufficientCredits, Unavailable } from "./errors.js";
import { decimal, sum, type EventMetadata, type Units } from "./json.js";
import type { components } from "./schema.js";

type Answered = components["schemas"]["Hold"];

const DEFAULT_EXPIRY_SECONDS = 600;
const LONGEST_SECONDS = 24 * 60 * 60;

/** The most that something may take. The signal is the caller's: aborted, it says that he hung up. */
export type HoldOptions = Charge & {
  /** When the hold expires, unless it is extended: 10 minutes unless given, a day at most. */
  expires_in_seconds?: number;
  /** Whether it is extended while it is open: a function is asked each time. True unless given. */
  extend?: boolean | (() => boolean);
};

/** What was used: `units` stands for `metadata.units`. Other metadata is kept from the hold. */
export interface CaptureInput {
  /** What `use` was told of, unless given; without that, all that was held. */
  units?: Units;
  metadata?: EventMetadata;
  /** How far what goes beyond the hold may raise the balance above zero: the hold's, unless given. */
  limit?: Units;
}

export class Hold {
  /** What has been used so far, in all: captured unless another amount is. */
  used: Units | undefined;

  readonly #client: Aureon;
  readonly #placedAtMs: number;
  #answered: Answered;
  #timer: ReturnType<typeof setInterval> | undefined;
  // Captured and released are ends. Asked: whether a capture counted is not known. Refused: it did not.
  #state: "open" | "asked" | "refused" | "captured" | "released" = "open";

  constructor(
    client: Aureon,
    answered: Answered,
    seconds = DEFAULT_EXPIRY_SECONDS,
    extend: boolean | (() => boolean) = true,
  ) {
    this.#client = client;
    this.#answered = answered;
    // It may have been placed earlier, by a process that has died since; and clocks differ.
    this.#placedAtMs = Math.min(Date.now(), Date.parse(answered.created_at));
    const wanted = typeof extend === "function" ? extend : () => extend;
    this.#timer = setInterval(() => {
      if (wanted()) this.extend(seconds).catch(this.#giveUp);
    }, seconds * 500);
    // Nobody who could capture it is left once nothing else keeps the process running.
    (this.#timer as any).unref?.();
  }

  get id(): string {
    return this.#answered.id;
  }

  get expires_at(): string {
    return this.#answered.expires_at;
  }

  /** Tell that more units were used. */
  use(units: Units): void {
    this.used = sum(this.used ?? 0, units);
  }

  /** Count what was used and give back the rest. Throws `InsufficientCredits` past what is held. */
  async capture({ units = this.used, metadata, limit }: CaptureInput = {}): Promise<Answered> {
    return this.#capture(units === undefined ? metadata : { ...metadata, units: decimal(units) }, limit);
  }

  /** Capture with this in place of the hold's metadata. */
  async #capture(metadata: EventMetadata | undefined, limit?: Units): Promise<Answered> {
    this.stop();
    if (this.#state !== "captured") this.#state = "asked";
    try {
      const body = { metadata, limit: limit === undefined ? limit : decimal(limit) };
      const given = { path: { id: this.id }, body };
      const captured = await this.#client.request("POST /v1/credits/holds/{id}/capture", given);
      this.#state = "captured";
      return captured;
    } catch (error) {
      if (error instanceof InsufficientCredits) this.#state = "refused";
      if (error instanceof Unavailable) error.id = this.#answered.external_id;
      throw error;
    }
  }

  /** Give everything back. */
  async release(): Promise<Answered> {
    this.stop();
    const path = { id: this.id };
    const released = await this.#client.request("POST /v1/credits/holds/{id}/release", { path, body: {} });
    this.#state = "released";
    return released;
  }

  /** Let it expire so many seconds from now, at most 24 hours from when it was placed. */
  async extend(seconds: number): Promise<Answered> {
    const path = { id: this.id };
    // The API counts from when it was placed: sent again, that says the same.
    const lasting = Math.ceil((Date.now() - this.#placedAtMs) / 1000) + seconds;
    const body = { expires_in_seconds: Math.min(lasting, LONGEST_SECONDS) } as {};
    const route = "POST /v1/credits/holds/{id}/extend" as "POST /v1/credits/holds/{id}/capture";
    this.#answered = await this.#client.request(route, { path, body });
    if (lasting >= LONGEST_SECONDS) this.stop();
    return this.#answered;
  }

  /** Stop extending it. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** Run `work`, and let nothing be held after it. */
  async during<Result>(
    work: () => Result | PromiseLike<Result>,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    const stop = () => this.stop();
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      const result = await work();
      await this.end(this.used);
      return result;
    } catch (error) {
      await this.end(signal?.aborted ? this.used : undefined, error);
      throw error;
    } finally {
      this.stop();
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Capture what was used, or release the hold where that is nothing, unless that is done.
   *
   * Credits that were used past what they sufficed for are not given away: what is held is
   * captured then. A release that fails is left to the hold's expiry.
   */
  async end(used: Units | undefined, cause?: unknown): Promise<void> {
    this.stop();
    const captureAll = () => this.#capture(undefined).catch(() => {});
    if (this.#state === "refused") return void (await captureAll());
    if (this.#state !== "open") return;
    if (used === undefined) return void (await this.release().catch(() => {}));
    try {
      await this.capture({ units: used });
    } catch (error) {
      if (error instanceof InsufficientCredits) await captureAll();
      if (cause !== undefined) (error as Error).cause ??= cause;
      throw error;
    }
  }

  readonly #giveUp = (error: unknown): void => {
    if (error instanceof AureonError && !(error instanceof Unavailable)) this.stop();
  };
}
