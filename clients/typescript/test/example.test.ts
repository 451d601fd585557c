/** examples/nextjs: its route, called as Next.js calls it, with a model that is made up. */

import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { customerWith } from "./setup.js";

const FOLDER = join(import.meta.dirname, "..");
const EXAMPLE = join(FOLDER, "../../examples/nextjs");
const ROUTE = "app/api/chat/route.ts";

const app = mkdtempSync(join(tmpdir(), "aureon-nextjs-"));
after(() => rmSync(app, { recursive: true }));
cpSync(EXAMPLE, app, { recursive: true });
symlinkSync(join(FOLDER, "node_modules"), join(app, "node_modules"));

// Twenty words; where it hangs, the eleventh waits until the caller hangs up.
writeFileSync(
  join(app, "app/model.ts"),
  `import { MockLanguageModelV4 } from "ai/test";
  const words = Array.from({ length: 20 }, (_, word) => ({ type: "text-delta" as const, id: "1", delta: "word" + word + " " }));
  const usage = {
    inputTokens: { total: 10, noCache: 10, cacheRead: undefined, cacheWrite: undefined },
    outputTokens: { total: 20, text: 20, reasoning: undefined },
  };
  const finish = { type: "finish" as const, finishReason: { unified: "stop" as const, raw: "stop" }, usage };
  export const hang = { up: false };
  export const model = new MockLanguageModelV4({
    doStream: async ({ abortSignal }) => ({
      stream: new ReadableStream({
        async start(controller) {
          controller.enqueue({ type: "text-start", id: "1" });
          for (const word of words.slice(0, 10)) controller.enqueue(word);
          if (hang.up) await new Promise((_, reject) => abortSignal!.addEventListener("abort", () => reject(abortSignal!.reason)));
          for (const word of words.slice(10)) controller.enqueue(word);
          controller.enqueue({ type: "text-end", id: "1" });
          controller.enqueue(finish);
          controller.close();
        },
      }),
    }),
  });`,
);
const load = (path: string) => import(pathToFileURL(join(app, path)).href);
const { POST } = (await load(ROUTE)) as { POST: (request: Request) => Promise<Response> };
const { hang } = (await load("app/model.ts")) as { hang: { up: boolean } };

function chat(user: string, signal?: AbortSignal): Request {
  const messages = [{ id: "m", role: "user", parts: [{ type: "text", text: "Say twenty words." }] }];
  return new Request("http://localhost/api/chat", {
    method: "POST",
    headers: { "x-user": user },
    body: JSON.stringify({ id: "chat", messages }),
    signal,
  });
}

// The event's name is the example's own, so the customers' meter counts that.
const paying = (credits: number) => customerWith(credits, {}, "tokens");

test("a chat costs what it used", async () => {
  const customer = await paying(5000);
  const answered = await POST(chat(customer.external_customer_id));
  assert.equal(answered.status, 200);
  assert.match(await answered.text(), /word19/);
  const { used_units, held_units } = await customer.standing();
  assert.deepEqual([used_units, held_units], ["30", "0"]);
});

test("a user who closes the chat pays for the text that was streamed", async () => {
  hang.up = true;
  const customer = await paying(5000);
  const stop = new AbortController();
  const answered = await POST(chat(customer.external_customer_id, stop.signal));
  const reader = answered.body!.pipeThrough(new TextDecoderStream()).getReader();
  let read = "";
  while (!read.includes("word9")) read += (await reader.read()).value;
  stop.abort();
  while (!(await reader.read()).done);
  let standing;
  do standing = await customer.standing();
  while (standing.held_units !== "0");
  assert.ok(Number(standing.used_units) > 20 && Number(standing.used_units) < 100, standing.used_units);
});

test("without credits the chat says so", async () => {
  const customer = await paying(100);
  const answered = await POST(chat(customer.external_customer_id));
  assert.match(await answered.text(), /Your credits are used up\./);
});

test("the example has at most 15 lines of Aureon", () => {
  const lines = readFileSync(join(EXAMPLE, ROUTE), "utf8").split("\n");
  const ours = /aureon|holdCredits|middleware|InsufficientCredits|external_customer_id|name: |maxOutput|onAbort|^  }\);/i;
  const count = lines.filter((line) => ours.test(line)).length;
  assert.ok(count > 8 && count <= 15, `${count}`);
});
