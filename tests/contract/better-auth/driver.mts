/**
 * A shop whose users sign in by Better Auth, with Polar's plug-in for it, unmodified: a user opens
 * the portal, reads what is counted, and sends events as the plug-in lets them. A line of JSON a step.
 */
import { polar, portal, usage } from "@polar-sh/better-auth";
import { Polar } from "@polar-sh/sdk";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";

const serverURL = process.env.AUREON_URL!;
const client = new Polar({ accessToken: process.env.AUREON_ACCESS_TOKEN!, serverURL });
const tag = process.env.TAG!;
const shop = "http://localhost:3000";

const auth = betterAuth({
  baseURL: shop,
  secret: "a secret of thirty-two characters or more",
  database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
  emailAndPassword: { enabled: true },
  logger: { disabled: true },
  plugins: [
    polar({
      client,
      createCustomerOnSignUp: true,
      use: [portal({ returnUrl: `${shop}/home`, theme: "dark" }), usage()],
    }),
  ],
});

let cookie = "";

/** What a browser sends to the shop. */
async function call(method: string, path: string, body?: unknown) {
  const answer = await auth.handler(
    new Request(`${shop}/api/auth${path}`, {
      method,
      headers: { "content-type": "application/json", origin: shop, cookie },
      body: body === undefined ? undefined : JSON.stringify(body),
    }),
  );
  const made = answer.headers.getSetCookie().map((each) => each.split(";")[0]);
  if (made.length > 0) cookie = made.join("; ");
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}

function show(step: string, value: unknown) {
  console.log(JSON.stringify({ step, value }));
}

const nobody = await call("GET", "/usage/meters/list");
show("signed out", nobody.status);
const signedUp = await call("POST", "/sign-up/email", {
  email: `user-${tag}@example.com`,
  password: "correct horse battery staple",
  name: "Ada Lovelace",
});
show("sign up", signedUp.status);
const state = await call("GET", "/customer/state");
show("customer/state", {
  status: state.status,
  own: state.body.externalId === signedUp.body.user.id,
  name: state.body.name,
});
const opened = await call("GET", "/customer/portal");
const page = new URL(opened.body.url);
show("customer/portal", {
  status: opened.status,
  page: page.origin + page.pathname,
  theme: page.searchParams.get("theme"),
  token: page.hash.slice(0, "#aureon_cst_".length),
});
const session = await fetch(`${serverURL}/v1/customer-portal/customers/me`, {
  headers: { authorization: `Bearer ${page.hash.slice(1)}` },
});
show("the page's token", ((await session.json()) as { email: string }).email);
for (const list of ["benefits", "subscriptions", "orders"]) {
  const found = await call("GET", `/customer/${list}/list?page=1&limit=5`);
  show(`customer/${list}/list`, [found.status, found.body.result?.items]);
}

async function meters() {
  const { status, body } = await call("GET", "/usage/meters/list");
  return [status, body.result.items.map((each: { balance: number }) => each.balance)];
}

async function ingest(units: number) {
  const { status, body } = await call("POST", "/usage/ingest", {
    event: `api_usage-${tag}`,
    metadata: { units },
  });
  return [status, status === 200 ? body.inserted : body.message];
}

show("usage/ingest", await ingest(3));
show("usage/meters/list", await meters());
show("usage/ingest: credits for oneself", await ingest(-1000));
show("usage/meters/list: afterwards", await meters());
