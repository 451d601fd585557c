/** A way to the service on which everything goes wrong that can go wrong between two machines. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { answer, serve } from "./setup.js";

export const FAULTS = ["lost", "cut", "half", "refused", "refused late", "twice", "late"] as const;
export type Fault = (typeof FAULTS)[number] | undefined;

/** A proxy that does with each request what `next` says. */
export function proxy(next: (request: IncomingMessage) => Fault): Promise<string> {
  return serve(async (request, body, response) => {
    const send = () =>
      fetch(process.env.AUREON_URL + request.url!, {
        method: request.method!,
        headers: Object.fromEntries(
          ["authorization", "content-type", "idempotency-key"]
            .filter((name) => request.headers[name])
            .map((name) => [name, request.headers[name] as string]),
        ),
        body: body || undefined,
      }).then(async (got) => ({ status: got.status, text: await got.text() }));
    await pass(next(request), send, response);
  });
}

async function pass(
  fault: Fault,
  send: () => Promise<{ status: number; text: string }>,
  response: ServerResponse,
): Promise<void> {
  const refuse = () => answer(response, 503, { error: "ServiceUnavailable" }, { "retry-after": "0" });
  if (fault === "cut") return void response.destroy();
  if (fault === "refused") return refuse();
  // It arrives when the caller has given up, and sent it again already.
  if (fault === "late") await once(response, "close");
  const [got] = await Promise.all([send(), ...(fault === "twice" ? [send()] : [])]);
  if (fault === "lost" || fault === "late") response.destroy();
  else if (fault === "refused late") refuse();
  else if (fault === "half") {
    const length = { "content-type": "application/json", "content-length": `${got.text.length}` };
    response.writeHead(got.status, length);
    response.write(got.text.slice(0, got.text.length / 2), () => response.destroy());
  } else answer(response, got.status, got.text);
}
