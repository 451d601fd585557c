/** Events that are collected and sent many at a time. */

import { bodyOf, newId, type EventInput } from "./client.js";
import { AureonError, EventsRejected, Unavailable } from "./errors.js";
import { write } from "./json.js";
import type { components } from "./schema.js";
import type { Transport } from "./transport.js";

type Problem = components["schemas"]["Problem"];

const PATH = "/v1/events/ingest";
const encoder = /* @__PURE__ */ new TextEncoder();

export interface BatchOptions {
  /** As many events are sent at once, at most 1,000: 500 unless given. */
  maxEvents?: number;
  /** As many bytes are sent at once: 1 MB unless given. */
  maxBytes?: number;
  /** An event waits so long for others: a second unless given. */
  maxWaitMs?: number;
  /** As many bytes wait in memory: 8 MB unless given. Past them, `add` waits. */
  maxPendingBytes?: number;
  /** How long a request is sent again before that is an error: as the client's, unless given. */
  deadlineMs?: number;
  /** Told of what happens in the background: of rejected events, and of requests that failed. */
  onError?: (error: unknown) => void;
}

interface Waiting {
  event: EventInput;
  text: string;
  bytes: number;
}

/** Sent again, it must be the same, under the same key. */
interface Sending {
  waiting: Waiting[];
  key: string;
}

/**
 * Each request is sent under a key until there is an answer, so that its events count once.
 *
 * What could not be sent is kept, and sent by the next `flush`, or in the background once the
 * service is there again. Events that break a rule are told to `onError`, and the rest is sent.
 */
export class Batch {
  readonly #transport: Transport;
  readonly #options: BatchOptions;
  readonly #queue: Waiting[] = [];
  #next: Sending | undefined;
  #busy: Promise<void> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #background: Promise<void> | undefined;
  #bytes = 0;
  #added = 0;
  #done = 0;
  #rejected: EventsRejected[] = [];
  #refused = false;
  #closed = false;

  constructor(transport: Transport, options: BatchOptions = {}) {
    this.#transport = transport;
    this.#options = options;
    runtime?.once?.("beforeExit", this.#atEnd);
    runtime?.once?.("exit", this.#atExit);
  }

  /** How many events are neither sent nor rejected. */
  get pending(): number {
    return this.#added - this.#done;
  }

  /**
   * Take an event: it is in memory when this resolves, and was not taken where this throws.
   *
   * Await it: it waits where there is more in memory than there may be.
   */
  async add(event: EventInput): Promise<void> {
    // Sent later, it has still happened now.
    const text = write(bodyOf({ ...event, timestamp: event.timestamp ?? new Date() }));
    const bytes = encoder.encode(text).length;
    while (this.#bytes && this.#bytes + bytes > (this.#options.maxPendingBytes ?? 8_000_000)) {
      await this.#send();
    }
    if (this.#closed) throw new TypeError("The batch is closed");
    this.#queue.push({ event, text, bytes });
    this.#bytes += bytes;
    this.#added++;
    if (this.#queue.length >= this.#maxEvents || this.#bytes >= this.#maxBytes) this.#start();
    else this.#schedule();
  }

  /** Send what has been added. Throws where that fails, and `EventsRejected`. */
  async flush(): Promise<void> {
    const all = this.#added;
    this.#refused = false;
    while (this.#done < all) await this.#send();
    const [rejected] = this.#rejected.splice(0);
    if (rejected) throw rejected;
  }

  /** Take no more events, and send those that there are. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    clearTimeout(this.#timer);
    runtime?.off?.("beforeExit", this.#atEnd);
    runtime?.off?.("exit", this.#atExit);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #maxEvents(): number {
    return Math.min(1000, this.#options.maxEvents ?? 500);
  }

  get #maxBytes(): number {
    return this.#options.maxBytes ?? 1_000_000;
  }

  /** Send one request: a second caller waits for the same one. */
  #send(): Promise<void> {
    return (this.#busy ??= this.#sendNext().finally(() => (this.#busy = undefined)));
  }

  async #sendNext(): Promise<void> {
    const { waiting, key } = (this.#next ??= { waiting: this.#cut(), key: newId() });
    const body = `{"events":[${waiting.map(({ text }) => text).join()}]}`;
    const { deadlineMs } = this.#options;
    try {
      await this.#transport.send({ method: "POST", path: PATH, body, key, repeatable: true, deadlineMs });
    } catch (error) {
      if (error instanceof Unavailable) error.id = key;
      const problems = problemsOf(error);
      if (!problems) throw error;
      const rejected = waiting.filter((_, index) => problems.has(index));
      // Nothing of the request was stored, so what is left is another one.
      const left = waiting.filter((_, index) => !problems.has(index));
      this.#next = left.length ? { waiting: left, key: newId() } : undefined;
      this.#forget(rejected);
      const told = [...problems].map(([index, each]) => ({ event: waiting[index]!.event, problems: each }));
      const summary = new EventsRejected(told, error as AureonError);
      this.#rejected.push(summary);
      this.#tell(summary);
      return;
    }
    this.#next = undefined;
    this.#forget(waiting);
  }

  #cut(): Waiting[] {
    let bytes = 0;
    let events = 0;
    for (const each of this.#queue) {
      bytes += each.bytes;
      if (events && (events === this.#maxEvents || bytes > this.#maxBytes)) break;
      events++;
    }
    return this.#queue.splice(0, events);
  }

  #forget(waiting: Waiting[]): void {
    this.#done += waiting.length;
    for (const { bytes } of waiting) this.#bytes -= bytes;
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#start(), this.#options.maxWaitMs ?? 1000);
    // At the process's end there is a flush; nothing has to wait for the timer.
    (this.#timer as any).unref?.();
  }

  /** Send what is collected, in the background. What was refused as a whole waits for a `flush`. */
  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#refused) return;
    this.#background ??= this.#drain()
      .catch((error) => {
        this.#refused = error instanceof AureonError && !(error instanceof Unavailable);
        this.#tell(error);
        this.#schedule();
      })
      .finally(() => (this.#background = undefined));
  }

  async #drain(): Promise<void> {
    while (this.pending) await this.#send();
  }

  #tell(error: unknown): void {
    (this.#options.onError ?? console.error)(error);
  }

  readonly #atEnd = (): void => {
    if (this.pending) this.flush().catch((error) => this.#tell(error));
  };

  readonly #atExit = (): void => {
    if (this.pending) this.#tell(new Error(`${this.pending} events were not sent`));
  };
}

/** Node's process, where there is one. */
const runtime: { once?: Listen; off?: Listen } | undefined = (globalThis as any).process;
type Listen = (event: string, listener: () => void) => void;

/** What is wrong with which event, where an answer says that of single events. */
function problemsOf(error: unknown): Map<number, Problem[]> | undefined {
  if (!(error instanceof AureonError) || error.status !== 422) return undefined;
  const { detail } = error.body as components["schemas"]["Invalid"];
  const problems = new Map<number, Problem[]>();
  for (const problem of detail) {
    const [, list, index] = problem.loc;
    if (list !== "events" || typeof index !== "number") return undefined;
    problems.set(index, [...(problems.get(index) ?? []), problem]);
  }
  return problems;
}
