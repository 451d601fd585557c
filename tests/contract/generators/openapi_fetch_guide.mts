// The guide, with openapi-fetch and the types that openapi-typescript has made of the document.
import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { components, paths } from "./aureon.js";

const baseUrl = process.env["AUREON_URL"]!;
const authorized = (token: string) =>
  createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const client = authorized(process.env["AUREON_ACCESS_TOKEN"]!);
const tag = randomUUID();
const external_id = `user_${tag}`;
const name = `use-${tag}`;

function found<T>({ data, error }: { data?: T; error?: unknown }): T {
  if (data === undefined) throw new Error(JSON.stringify(error));
  return data;
}

// 1. A meter, whose filter is nested.
const clause = { property: "name", operator: "eq", value: name } as const;
const meter = found(
  await client.POST("/v1/meters/", {
    body: {
      name: "API usage",
      filter: { conjunction: "and", clauses: [{ conjunction: "or", clauses: [clause] }] },
      aggregation: { func: "sum", property: "units" },
    },
  }),
);

// 2. A customer.
const person = {
  email: `${tag}@example.com`,
  name: "John Doe",
  external_id,
  metadata: { plan: "pro" },
};
const customer = found(await client.POST("/v1/customers/", { body: person }));
if (customer.metadata["plan"] !== "pro") throw new Error("The metadata was lost.");
const customer_id = customer.id;

// 3. Ten credits.
async function ingest(event: Omit<components["schemas"]["EventBody"], "name">) {
  found(await client.POST("/v1/events/ingest", { body: { events: [{ ...event, name }] } }));
}
await ingest({ customer_id, metadata: { units: -6 } });
await ingest({ external_customer_id: external_id, metadata: { units: -4 } });

// 4. The balance, in any of three ways.
function show(meter?: { balance: number; available_credits: number }) {
  console.log(`balance ${meter?.balance}, available ${meter?.available_credits}`);
}
const state = async () =>
  found(await client.GET("/v1/customers/{id}/state", { params: { path: { id: customer_id } } }));
const query = { customer_id: [customer_id], meter_id: [meter.id] };
show(found(await client.GET("/v1/customer-meters/", { params: { query } })).items[0]);
show((await state()).active_meters[0]);
const path = { external_id };
const same = await client.GET("/v1/customers/external/{external_id}/state", { params: { path } });
show(found(same).active_meters[0]);

// 5. A spend, and a hold that is captured; both are kept to what there is.
const use = (units: number) => ({ customer_id, name, metadata: { units } });
found(await client.POST("/v1/credits/spend", { body: use(3) }));
show((await state()).active_meters[0]);
const hold = found(
  await client.POST("/v1/credits/holds", { body: { ...use(7), external_id: tag } }),
);
const { error: refused } = await client.POST("/v1/credits/spend", { body: use(1) });
if (refused?.error !== "InsufficientCredits" || !("required" in refused)) throw new Error("402");
console.log(`${refused.error}: ${refused.required} of ${refused.available_credits}`);
const params = { path: { id: hold.id } };
const body = { metadata: { units: 2.5 } };
found(await client.POST("/v1/credits/holds/{id}/capture", { params, body }));
show((await state()).active_meters[0]);

// 6. What goes wrong is told by its name.
const { error: invalid } = await client.POST("/v1/customers/", { body: person });
if (invalid?.error !== "RequestValidationError" || !Array.isArray(invalid.detail)) {
  throw new Error("422");
}
console.log(`${invalid.error}: ${invalid.detail[0]?.loc.join(".")}`);
const { error: wrong } = await authorized("aureon_oat_wrong").GET("/v1/customers/{id}", {
  params: { path: { id: customer_id } },
});
console.log(wrong?.error);

const id = { path: { id: customer_id } };
const deleted = await client.DELETE("/v1/customers/{id}", { params: id });
if (deleted.response.status !== 204) throw new Error("delete");
found(
  await client.PATCH("/v1/meters/{id}", {
    params: { path: { id: meter.id } },
    body: { is_archived: true },
  }),
);
