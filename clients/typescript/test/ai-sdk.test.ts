import assert from "node:assert/strict";
import { test } from "node:test";
import * as ai5 from "ai-5";
import * as mocks5 from "ai-5/test";
import * as ai6 from "ai-6";
import * as mocks6 from "ai-6/test";
import * as ai7 from "ai";
import * as mocks7 from "ai/test";
import { Aureon, InsufficientCredits } from "@aureon/client";
import { holdCredits, type CreditsOptions } from "@aureon/client/ai-sdk";
import { answer, aureon, customerWith, serve } from "./setup.js";

const FAILED = new Error("the model failed");
const TEXT = ["An ", "answer ", "of ", "five ", "tokens"];

/** The usage of a call as a version of the specification tells it. */
const flat = (input?: number, output?: number) => ({ inputTokens: input, outputTokens: output, totalTokens: undefined });
const nested = (input?: number, output?: number) => ({
  inputTokens: { total: input, noCache: input, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: output, text: output, reasoning: undefined },
});

/** What the versions have in common, as far as these tests call it. */
interface Version {
  name: string;
  ai: { generateText: Function; streamText: Function; wrapLanguageModel: Function };
  Model: new (options: any) => any;
  usage: (input?: number, output?: number) => object;
  reason: (reason: string) => unknown;
}

const OLDER = "7, with a model of 6";
const unified = (reason: string) => ({ unified: reason, raw: reason });
const VERSIONS: Version[] = [
  { name: "5", ai: ai5, Model: mocks5.MockLanguageModelV2, usage: flat, reason: (reason) => reason },
  { name: "6", ai: ai6, Model: mocks6.MockLanguageModelV3, usage: nested, reason: unified },
  { name: "7", ai: ai7, Model: mocks7.MockLanguageModelV4, usage: nested, reason: unified },
  { name: OLDER, ai: ai7, Model: mocks7.MockLanguageModelV3, usage: nested, reason: unified },
];

/** A customer of 10,000 credits, unless given, with a model of this version, whose calls they pay for. */
async function paying(
  version: Version,
  model: object,
  options: Partial<CreditsOptions> = {},
  payer: number | Awaited<ReturnType<typeof customerWith>> = 10_000,
) {
  const customer = typeof payer === "number" ? await customerWith(payer) : payer;
  const mock = new version.Model(model);
  const middleware = holdCredits(aureon, { ...customer.usage, maxOutputTokens: 100, ...options } as CreditsOptions);
  const left = async () => {
    const { available_credits, held_units, used_units } = await customer.standing();
    return [available_credits, held_units, used_units].map(Number);
  };
  return { mock, model: version.ai.wrapLanguageModel({ model: mock, middleware }), left, customer };
}

const answerOf = (version: Version, usage: object) => ({
  content: [{ type: "text", text: TEXT.join("") }],
  finishReason: version.reason("stop"),
  usage,
  warnings: [],
});

/** A stream of the answer. `before` is called before each part, and may fail or wait. */
function streamOf(version: Version, usage: object, before: (part: number, signal?: AbortSignal) => unknown = () => {}) {
  const parts = [
    { type: "stream-start", warnings: [] },
    { type: "text-start", id: "1" },
    ...TEXT.map((delta) => ({ type: "text-delta", id: "1", delta })),
    { type: "text-end", id: "1" },
    { type: "finish", finishReason: version.reason("stop"), usage },
  ];
  return async ({ abortSignal }: { abortSignal?: AbortSignal }) => {
    let at = 0;
    const stream = new ReadableStream({
      async pull(controller) {
        await before(at, abortSignal);
        if (at < parts.length) controller.enqueue(parts[at++]);
        else controller.close();
      },
    }, { highWaterMark: 0 });
    return { stream };
  };
}

for (const version of VERSIONS) {
  const of = (name: string) => `ai ${version.name}: ${name}`;
  const { generateText, streamText } = version.ai;

  test(of("a call holds the most that it may cost, and costs what it used"), async () => {
    let held: number[] = [];
    const doGenerate = async () => {
      held = await left();
      return answerOf(version, version.usage(12, 5));
    };
    const { model, left, mock } = await paying(version, { doGenerate });
    const { text } = await generateText({ model, prompt: "Why?" });
    assert.equal(text, TEXT.join(""));
    assert.deepEqual(await left(), [9983, 0, 17]);
    assert.ok(held[1]! > 100 && held[1]! < 200, `${held}`);
    assert.equal(mock.doGenerateCalls[0].maxOutputTokens, 100);
  });

  test(of("a stream costs what it used, by the time that it has ended"), async () => {
    let held = 0;
    const before = async (part: number) => {
      if (part === 4) held = (await left())[1]!;
    };
    const doStream = streamOf(version, version.usage(12, 5), before);
    const { model, left, mock } = await paying(version, { doStream });
    let text = "";
    for await (const delta of streamText({ model, prompt: "Why?", maxOutputTokens: 7 }).textStream) text += delta;
    assert.equal(text, TEXT.join(""));
    assert.ok(held > 7 && held < 100, `${held}`);
    assert.deepEqual(await left(), [9983, 0, 17]);
    assert.equal(mock.doStreamCalls[0].maxOutputTokens, 7);
  });

  // What its own models are asked for is asked for above.
  if (version.name === OLDER) continue;

  test(of("each call of a request with tools has a hold of its own, under the request's id"), async () => {
    let calls = 0;
    const doGenerate = async () => {
      const call = { type: "tool-call", toolCallId: "1", toolName: "look", input: "{}" };
      if (calls++) return answerOf(version, version.usage(30, 5));
      return { ...answerOf(version, version.usage(12, 3)), content: [call], finishReason: version.reason("tool-calls") };
    };
    const id = `request-${Math.random()}`;
    const { model, left } = await paying(version, { doGenerate }, { id });
    const inputSchema = ai5.jsonSchema({ type: "object", properties: {} });
    const tools = { look: { inputSchema, execute: async () => "seen" } };
    const count = (ai7 as any).stepCountIs ?? (ai7 as any).isStepCount;
    await generateText({ model, prompt: "Look.", tools, stopWhen: count(3) });
    assert.equal(calls, 2);
    assert.deepEqual(await left(), [9950, 0, 50]);
  });

  test(of("a call or a stream that fails costs nothing"), async () => {
    const doGenerate = () => Promise.reject(FAILED);
    const failing = await paying(version, { doGenerate, doStream: doGenerate });
    await assert.rejects(generateText({ model: failing.model, prompt: "Why?" }), FAILED);
    await streamText({ model: failing.model, prompt: "Why?", onError() {} }).consumeStream();
    assert.deepEqual(await failing.left(), [10_000, 0, 0]);

    const midway = (part: number) => assert.notEqual(part, 4);
    const breaking = await paying(version, { doStream: streamOf(version, version.usage(12, 5), midway) });
    await streamText({ model: breaking.model, prompt: "Why?", onError() {} }).consumeStream({ onError() {} });
    assert.deepEqual(await breaking.left(), [10_000, 0, 0]);

    const stream = () => new ReadableStream({
      start(controller) {
        controller.enqueue({ type: "error", error: FAILED });
        controller.enqueue({ type: "finish", finishReason: version.reason("error"), usage: version.usage() });
        controller.close();
      },
    });
    const telling = await paying(version, { doStream: async () => ({ stream: stream() }) });
    await streamText({ model: telling.model, prompt: "Why?", onError() {} }).consumeStream({ onError() {} });
    assert.deepEqual(await telling.left(), [10_000, 0, 0]);
  });

  test(of("a caller who hangs up, at any part, leaves no credits held"), async () => {
    const customer = await customerWith(10_000);
    let paid = 0;
    for (let at = 0; at < TEXT.length + 3; at++) {
      for (const onAbort of ["release", "capture"] as const) {
        const stop = new AbortController();
        const before = (part: number, signal?: AbortSignal) => {
          if (part === at) stop.abort(FAILED);
          signal?.throwIfAborted();
        };
        const doStream = streamOf(version, version.usage(12, 5), before);
        const given = { onAbort, promptTokens: () => 10 };
        const { model, left } = await paying(version, { doStream }, given, customer);
        const options = { model, prompt: "Why?", abortSignal: stop.signal, onError() {} };
        await streamText(options).consumeStream({ onError() {} });
        // Version 7 does not wait for the stream that it has aborted.
        let held, total;
        do [, held, total] = await left();
        while (held);
        const used = total! - paid;
        paid = total!;
        const heard = TEXT.slice(0, Math.max(0, at - 2)).join("").length;
        if (onAbort === "release") assert.equal(used, 0);
        else assert.ok(used >= 10 + heard / 3 && used <= 10 + heard, `${used} at ${at}`);
      }
    }
  });

  test(of("a stream whose reader goes away leaves nothing held"), async () => {
    const doStream = streamOf(version, version.usage(12, 5));
    const { model, left } = await paying(version, { doStream });
    const { stream } = await model.doStream({ prompt: [{ role: "user", content: [{ type: "text", text: "Why?" }] }] });
    const reader = stream.getReader();
    await reader.read();
    assert.ok((await left())[1]! > 0);
    await reader.cancel("gone");
    assert.deepEqual(await left(), [10_000, 0, 0]);
  });

  test(of("without enough credits the model is not called"), async () => {
    const doGenerate = async () => assert.fail("it was called");
    const { model, left } = await paying(version, { doGenerate, doStream: doGenerate }, {}, 50);
    const refused = await generateText({ model, prompt: "Why?" }).catch((error: unknown) => error);
    assert.ok(refused instanceof InsufficientCredits);
    assert.equal(refused.available_credits, "50");
    const told: unknown[] = [];
    const onError = ({ error }: { error: unknown }) => void told.push(error);
    await streamText({ model, prompt: "Why?", onError }).consumeStream();
    assert.ok(told[0] instanceof InsufficientCredits);
    assert.deepEqual(await left(), [50, 0, 0]);
  });

  test(of("units may be a price"), async () => {
    const doGenerate = async () => answerOf(version, version.usage(12, 5));
    const units: CreditsOptions["units"] = ({ inputTokens, outputTokens }) =>
      (inputTokens * 0.25 + outputTokens * 1.25).toFixed(6);
    const { model, left } = await paying(version, { doGenerate }, { units });
    await generateText({ model, prompt: "Why?" });
    assert.deepEqual(await left(), [9990.75, 0, 9.25]);
  });

  test(of("a call that cost more than there is costs what was held"), async () => {
    const doGenerate = async () => answerOf(version, version.usage(500, 5));
    const { model, left } = await paying(version, { doGenerate }, { promptTokens: () => 20 }, 130);
    await generateText({ model, prompt: "Why?" });
    assert.deepEqual(await left(), [10, 0, 120]);
  });

  test(of("where the model does not tell what it used, the guess counts"), async () => {
    const doGenerate = async () => answerOf(version, version.usage());
    const { model, left } = await paying(version, { doGenerate }, { promptTokens: () => 20 });
    await generateText({ model, prompt: "Why?" });
    const [, held, used] = await left();
    assert.equal(held, 0);
    assert.ok(used! > 20 && used! < 60, `${used}`);
  });
}

test("a stream that nobody reads any more is not held for", async (context) => {
  const asked: string[] = [];
  const url = await serve((request, _, response) => {
    asked.push(request.url!.split("/").at(-1)!);
    answer(response, 200, { id: "h", external_id: "e", status: "open", created_at: new Date().toISOString() });
  });
  const client = new Aureon({ url, token: "t" });
  context.mock.timers.enable({ apis: ["setInterval"] });
  const { wrapStream } = holdCredits(client, { external_customer_id: "u", name: "tokens", expires_in_seconds: 60 });
  let write: (part: object) => void = () => {};
  const parts = new ReadableStream({ start: (controller) => void (write = (part) => controller.enqueue(part)) });
  const { stream } = await wrapStream({ doStream: async () => ({ stream: parts }), params: { prompt: [] } });
  const reader = stream.getReader();
  // While a part is waited for, and when one was read since the last time; then no more.
  const waiting = reader.read();
  for (const extended of [1, 2, 3, 3, 3]) {
    if (extended === 3) write({ type: "text-delta", delta: "…" });
    if (extended === 3) await waiting;
    context.mock.timers.tick(30_000);
    while (asked.length <= extended) await new Promise(setImmediate);
    await client.request("GET /health");
    asked.splice(asked.indexOf("health"), 1);
  }
  assert.deepEqual(asked, ["holds", "extend", "extend", "extend"]);
  await reader.cancel();
  assert.deepEqual(asked.slice(4), ["release"]);
});

test("a prompt is guessed by its bytes, and a file by itself", async () => {
  const units: number[] = [];
  const url = await serve((request, body, response) => {
    units.push(JSON.parse(body).metadata.units);
    response.writeHead(402, { "content-type": "application/json" }).end('{"error":"InsufficientCredits"}');
  });
  const client = new Aureon({ url, token: "t" });
  const { wrapGenerate } = holdCredits(client, { external_customer_id: "u", name: "tokens" });
  const guess = async (...content: object[]) => {
    const given = { doGenerate: async () => ({}), params: { prompt: [{ role: "user", content }] } };
    await assert.rejects(wrapGenerate(given), InsufficientCredits);
    return units.at(-1)!;
  };
  const empty = await guess();
  assert.ok((await guess({ type: "text", text: "word ".repeat(300) })) >= empty + 500);
  assert.ok((await guess({ type: "text", text: "語".repeat(300) })) >= empty + 450);
  const data = "A".repeat(1_000_000);
  assert.ok((await guess({ type: "file", mediaType: "image/png", data })) < empty + 2500);
});
