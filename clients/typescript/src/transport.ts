/** A call that is sent until there is an answer, for as long as that can't count twice. */

import { AureonError, errorOf, Unavailable } from "./errors.js";
import { read } from "./json.js";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** How a client reaches the service. */
export interface ClientOptions {
  /** Where the service is, as in `https://credits.example.com`; else `AUREON_URL` of the environment. */
  url?: string;
  /** An access token; else `AUREON_ACCESS_TOKEN` of the environment. */
  token?: string;
  /** How long a call may take with all of its attempts: 30 seconds unless given. */
  deadlineMs?: number;
  /** How long one attempt may take: 10 seconds unless given. */
  attemptMs?: number;
  /** What sends a request, where it is not the global `fetch`. */
  fetch?: typeof fetch;
}

/** What may be said of one call. */
export interface CallOptions {
  /** Ends the call: what it has not sent yet is not sent. */
  signal?: AbortSignal;
  /** Another deadline than the client's. */
  deadlineMs?: number;
}

export interface Call extends CallOptions {
  method: string;
  /** The path with its query. */
  path: string;
  body?: string;
  /** What makes a repeat the same call: it goes into `Idempotency-Key`. */
  key?: string;
  /** Whether sending twice does what sending once does. */
  repeatable: boolean;
}

export class Transport {
  readonly #url: string;
  readonly #token: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    const environment = (globalThis as any).process?.env ?? {};
    const url = options.url ?? environment.AUREON_URL;
    const token = options.token ?? environment.AUREON_ACCESS_TOKEN;
    if (!url || !token) {
      throw new TypeError("Give url and token, or set AUREON_URL and AUREON_ACCESS_TOKEN");
    }
    this.#url = url.replace(/\/+$/, "");
    this.#token = token;
    this.#options = options;
  }

  /** Send until there is an answer. Throws `AureonError`, and the signal's reason. */
  async send(call: Call): Promise<unknown> {
    const ends = Date.now() + (call.deadlineMs ?? this.#options.deadlineMs ?? 30_000);
    let uncertain = false;
    for (let attempt = 0; ; attempt++) {
      call.signal?.throwIfAborted();
      let error: unknown;
      let pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt) * Math.random();
      try {
        const { status, text, headers } = await this.#attempt(call, ends - Date.now());
        const isJson = /json\s*(;|$)/.test(headers.get("content-type") ?? "");
        if (status < 300) return isJson && text ? read(text) : text || undefined;
        // It was there before an attempt whose answer was lost: that attempt deleted it.
        if (status === 404 && uncertain && call.method === "DELETE") return undefined;
        error = errorOf(status, isJson ? parsed(text) : text, headers.get("x-request-id") ?? undefined);
        if (status < 500 && status !== 429) throw error;
        uncertain ||= status !== 429;
        pauseMs += 1000 * (Number(headers.get("retry-after")) || 0);
      } catch (caught) {
        if (call.signal?.aborted) throw call.signal.reason;
        if (caught === error) throw caught;
        uncertain = true;
        error = caught;
      }
      if ((uncertain && !call.repeatable) || Date.now() + pauseMs >= ends) {
        throw uncertain ? unavailable(call, error) : error;
      }
      await pause(pauseMs, call.signal);
    }
  }

  /** Send once, and read the whole answer: one that is cut off is lost. */
  async #attempt(call: Call, leftMs: number) {
    const stop = new AbortController();
    const abort = () => stop.abort(call.signal?.reason);
    const timeOut = () => stop.abort(new DOMException("The attempt timed out", "TimeoutError"));
    const timer = setTimeout(timeOut, Math.min(leftMs, this.#options.attemptMs ?? 10_000));
    call.signal?.addEventListener("abort", abort);
    try {
      const headers: Record<string, string> = { authorization: `Bearer ${this.#token}` };
      if (call.body !== undefined) headers["content-type"] = "application/json";
      if (call.key) headers["idempotency-key"] = call.key;
      const answer = await (this.#options.fetch ?? fetch)(this.#url + call.path, {
        method: call.method,
        headers,
        body: call.body,
        signal: stop.signal,
      });
      return { status: answer.status, headers: answer.headers, text: await answer.text() };
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abort);
    }
  }
}

function unavailable(call: Call, cause: unknown): Unavailable {
  const known = cause instanceof AureonError ? cause : undefined;
  const error = new Unavailable(
    `${call.method} ${call.path}: ${(cause as Error)?.message ?? cause}`,
    known?.status ?? 0,
    known?.body,
    known?.request_id,
    { cause },
  );
  error.id = call.key;
  return error;
}

function parsed(text: string): unknown {
  try {
    return read(text);
  } catch {
    return text;
  }
}

/** Wait. Throws the signal's reason as soon as there is one. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", abort);
  });
}
