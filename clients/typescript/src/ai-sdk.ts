/** The AI SDK's calls to a model, paid for with credits: middleware for `wrapLanguageModel`, versions 5 to 7. */

import { newId, type Aureon, type Customer } from "./client.js";
import { InsufficientCredits } from "./errors.js";
import type { Hold } from "./hold.js";
import type { EventMetadata, Units } from "./json.js";

const DEFAULT_MAX_OUTPUT_TOKENS = 4096;
const FILE_TOKENS = 2000;
const MESSAGE_TOKENS = 8;

/** What a call took, or may take at most. */
export interface TokenUsage {
  inputTokens: number;
  outputTokens: number;
}

/** Whose credits pay, for which event: of its units the most that a call may take is held. */
export type CreditsOptions = Customer & {
  name: string;
  /** What the events say besides their units. */
  metadata?: EventMetadata;
  /** How far a call may go past the credits: 0 unless given. */
  limit?: Units;
  /** The request's id: its calls have holds with ids of their own under it. */
  id?: string;
  /** Units of a usage, such as its price: all tokens unless given. */
  units?: (usage: TokenUsage) => Units;
  /** Most output tokens of a call that says nothing of it: 4,096 unless given. The call gets this limit. */
  maxOutputTokens?: number;
  /** Most tokens that a prompt has, where the middleware's own guess is too far off. */
  promptTokens?: (params: any) => number;
  /** What is done where the caller hangs up: `capture` counts the prompt and what was streamed, as guessed. */
  onAbort?: "release" | "capture";
  /** When the hold of a call expires, unless it is extended: 10 minutes unless given. */
  expires_in_seconds?: number;
};

interface CallParams {
  prompt: unknown;
  tools?: unknown;
  maxOutputTokens?: number;
  abortSignal?: AbortSignal;
}

/** The middleware as versions 5 to 7 of `ai` take it: each names its own version in its types. */
export interface CreditsMiddleware {
  specificationVersion: any;
  transformParams<Params extends CallParams>(given: { params: Params }): Promise<Params>;
  wrapGenerate<Result>(given: { doGenerate: () => PromiseLike<Result>; params: CallParams }): Promise<Result>;
  wrapStream<Result extends { stream: ReadableStream<any> }>(given: {
    doStream: () => PromiseLike<Result>;
    params: CallParams;
  }): Promise<Result>;
}

/**
 * Hold the most that a call may cost, and capture what it cost.
 *
 * Throws `InsufficientCredits` before the model is called. A call that fails, or is aborted, gives
 * back what was held. A call that cost more than was held, with no credits left, costs what was held.
 */
export function holdCredits(client: Aureon, options: CreditsOptions): CreditsMiddleware {
  const { units = total, maxOutputTokens, promptTokens = guessPrompt, onAbort, id, ...charge } = options;
  const call = id ?? newId();
  let calls = 0;

  async function place(params: CallParams, extend: boolean | (() => boolean) = true) {
    params.abortSignal?.throwIfAborted();
    const inputTokens = promptTokens(params);
    const most = { inputTokens, outputTokens: params.maxOutputTokens ?? 0 };
    // A request may take several calls, as where the model uses tools: each has a hold of its own.
    const held = { ...charge, id: `${call}/${++calls}`, units: units(most), extend };
    return { hold: await client.placeHold(held), inputTokens };
  }

  /** Capture a usage. What the model did not tell is taken as guessed. */
  async function capture(hold: Hold, usage: unknown, guessed: TokenUsage): Promise<void> {
    const told = usage as Record<keyof TokenUsage, any> | undefined;
    const inputTokens = count(told?.inputTokens) ?? guessed.inputTokens;
    const outputTokens = count(told?.outputTokens) ?? guessed.outputTokens;
    await hold.end(units({ inputTokens, outputTokens })).catch((error) => {
      if (!(error instanceof InsufficientCredits)) throw error;
    });
  }

  return {
    specificationVersion: "v4",

    async transformParams({ params }) {
      const most = params.maxOutputTokens ?? maxOutputTokens ?? DEFAULT_MAX_OUTPUT_TOKENS;
      return { ...params, maxOutputTokens: most };
    },

    async wrapGenerate({ doGenerate, params }) {
      const { hold, inputTokens } = await place(params);
      try {
        const result = await doGenerate();
        const { content, usage } = result as { content?: unknown; usage?: unknown };
        await capture(hold, usage, { inputTokens, outputTokens: guessText(JSON.stringify(content ?? "")) });
        return result;
      } catch (error) {
        await hold.end(undefined);
        throw error;
      }
    },

    async wrapStream({ doStream, params }) {
      // A stream that nobody reads any more must not be held for: neither is a part waited for, nor
      // was one read since this was asked the last time.
      let alive = true;
      let reading = false;
      const isRead = () => {
        const was = alive || reading;
        alive = false;
        return was;
      };
      const { hold, inputTokens } = await place(params, isRead);
      let outputTokens = 0;
      let finished: { usage: unknown } | undefined;
      let failed = false;
      let ended: Promise<void> | undefined;
      const end = () => (ended ??= settle());
      const hangUp = () => {
        failed = true;
        return end();
      };
      const onSignal = () => void hangUp().catch(() => {});

      async function settle(): Promise<void> {
        params.abortSignal?.removeEventListener("abort", onSignal);
        const aborted = failed && (params.abortSignal?.aborted || cancelled);
        if (finished && !failed) await capture(hold, finished.usage, { inputTokens, outputTokens });
        else if (aborted && onAbort === "capture") await capture(hold, undefined, { inputTokens, outputTokens });
        else await hold.end(undefined);
      }

      let cancelled = false;
      let result;
      try {
        params.abortSignal?.throwIfAborted();
        result = await doStream();
      } catch (error) {
        await hangUp();
        throw error;
      }
      params.abortSignal?.addEventListener("abort", onSignal);
      if (params.abortSignal?.aborted) onSignal();
      const reader = result.stream.getReader();

      const stream = new ReadableStream<any>(
        {
          async pull(controller) {
            reading = true;
            let next;
            try {
              next = await reader.read();
            } catch (error) {
              await hangUp();
              throw error;
            } finally {
              reading = false;
              alive = true;
            }
            const part = next.value;
            if (part?.type === "error") failed = true;
            if (part?.type === "finish") finished = part;
            if (typeof part?.delta === "string") outputTokens += guessText(part.delta);
            // Counted before the caller sees the end: the balance that he reads then includes it.
            if (next.done || finished) await end();
            if (next.done) controller.close();
            else controller.enqueue(part);
          },
          async cancel(reason) {
            cancelled = true;
            await Promise.all([finished ? end() : hangUp(), reader.cancel(reason)]);
          },
        },
        { highWaterMark: 0 },
      );
      return { ...result, stream };
    },
  };
}

function total({ inputTokens, outputTokens }: TokenUsage): number {
  return inputTokens + outputTokens;
}

/** Version 5 tells a number, later ones an object with a total. */
function count(tokens: any): number | undefined {
  return typeof tokens === "object" ? tokens?.total : tokens;
}

/** Rather more tokens than fewer: three letters of English each, two bytes of what is not ASCII. */
function guessText(text: string): number {
  const others = text.replace(/[\0-\x7f]+/g, "");
  const bytes = new TextEncoder().encode(others).length;
  return Math.ceil((text.length - others.length) / 3 + bytes / 2);
}

function guessPrompt({ prompt, tools }: CallParams): number {
  let files = 0;
  const text = JSON.stringify([prompt, tools], (_, value) => {
    if (value?.type !== "file") return value;
    files++;
    return undefined;
  });
  const messages = Array.isArray(prompt) ? prompt.length : 1;
  return guessText(text) + messages * MESSAGE_TOKENS + files * FILE_TOKENS;
}
