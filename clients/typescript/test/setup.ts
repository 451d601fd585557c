/** A running service, and customers of the test's own on it. */

import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { Aureon, type ClientOptions } from "@aureon/client";

export const aureon = new Aureon();

// One meter for a file's tests: each meter more is one more that every event is held against.
const NAME = `tokens-${randomUUID()}`;
let meter: Promise<string> | undefined;

/** A customer with credits, and the meter that counts what is named `name`. */
export async function customerWith(credits: number | string, options: ClientOptions = {}, name = NAME) {
  const external_customer_id = `user-${randomUUID()}`;
  const meter_id = await (meter ??= meterOf(name));
  const path = { external_id: external_customer_id };
  await aureon.request("POST /v1/customers/", {
    body: { email: `${external_customer_id}@example.com`, external_id: external_customer_id },
  });
  const usage = { external_customer_id, name };
  await aureon.ingest({ ...usage, units: `-${credits}` });
  const standing = async () => {
    const state = await aureon.request("GET /v1/customers/external/{external_id}/state", { path });
    const { balance, available_credits, held_units, used_units } = state.active_meters[0]!;
    return { balance, available_credits, held_units, used_units };
  };
  return { ...usage, usage, meter_id, standing, client: new Aureon(options) };
}

export async function meterOf(name: string): Promise<string> {
  const meter = await aureon.request("POST /v1/meters/", {
    body: {
      name: `Units of ${name}`,
      filter: { conjunction: "and", clauses: [{ property: "name", operator: "eq", value: name }] },
      aggregation: { func: "sum", property: "units" },
    },
  });
  return meter.id;
}

/** A server that ends with the test file. */
export async function serve(
  handle: (request: IncomingMessage, body: string, response: ServerResponse) => unknown,
): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    await handle(request, body, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Answer with JSON. */
export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
