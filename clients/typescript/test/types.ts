/** What the types allow, and what they do not: checked by `npm run check`, never run. */

import * as ai5 from "ai-5";
import { MockLanguageModelV2 } from "ai-5/test";
import * as ai6 from "ai-6";
import * as mocks6 from "ai-6/test";
import * as ai7 from "ai";
import * as mocks7 from "ai/test";
import { Aureon, Decimal, InsufficientCredits, type Answer, type DecimalText } from "@aureon/client";
import { holdCredits } from "@aureon/client/ai-sdk";

type Same<One, Other> = (<T>() => T extends One ? 1 : 2) extends <T>() => T extends Other ? 1 : 2 ? true : false;
const is = <Claim extends true>(_?: Claim) => {};

const aureon = new Aureon({ url: "https://example.com", token: "t" });
const usage = { external_customer_id: "user", name: "tokens" };

// Whose credits: one customer, by one id.
aureon.spend({ ...usage, units: 1 });
aureon.spend({ customer_id: "c", name: "tokens", units: "0.1", limit: 5n, id: "order-1" });
// @ts-expect-error nobody's
aureon.spend({ name: "tokens", units: 1 });
// @ts-expect-error two customers
aureon.spend({ ...usage, customer_id: "c", units: 1 });
// @ts-expect-error no name
aureon.spend({ external_customer_id: "user", units: 1 });
// @ts-expect-error units are an amount
aureon.spend({ ...usage, units: true });

// Metadata: a string is a string, a decimal a decimal, and nothing is nested.
aureon.ingest({ ...usage, metadata: { units: new Decimal("0.1"), large: 1n, model: "small", cached: true } });
aureon.ingest([{ ...usage, timestamp: new Date(), metadata: { _cost: { amount: 0.1, currency: "usd" } } }]);
// @ts-expect-error a list
aureon.ingest({ ...usage, metadata: { models: ["small"] } });

// Decimals are strings, counts are numbers.
const spent = await aureon.spend({ ...usage, units: 1 });
is<Same<(typeof spent)["meters"][number]["available_credits"], DecimalText>>();
const ingested = await aureon.ingest([]);
is<Same<typeof ingested.inserted, number>>();
declare const refused: InsufficientCredits;
is<Same<typeof refused.available_credits, string>>();

// Any route, with what it takes and what it answers.
const meter = await aureon.request("GET /v1/meters/{id}", { path: { id: "m" } });
is<Same<typeof meter.name, string>>();
is<Same<Answer<"DELETE /v1/customers/{id}">, undefined>>();
is<Same<Answer<"GET /v1/events/export">, string>>();
const page = await aureon.request("GET /v1/events/");
is<Same<typeof page.pagination.total_count, number>>();
aureon.request("GET /v1/events/", { query: { name: ["a"], sorting: ["-timestamp"], limit: 5 } });
aureon.request("POST /v1/credits/holds/{id}/release", { path: { id: "h" } });
// @ts-expect-error no such route
aureon.request("GET /v1/nothing");
// @ts-expect-error it is a POST
aureon.request("GET /v1/credits/spend");
// @ts-expect-error without its path
aureon.request("GET /v1/meters/{id}");
// @ts-expect-error without its body
aureon.request("POST /v1/customers/");
// @ts-expect-error without the filter that it needs
aureon.request("POST /v1/meters/", { body: { name: "Tokens" } });

// A hold answers what its work answers.
const answered = await aureon.hold({ ...usage, units: 5 }, async (hold) => {
  hold.used = "2.5";
  await hold.capture({ units: 2n });
  return 7;
});
is<Same<typeof answered, number>>();
aureon.hold({ ...usage, units: 5, expires_in_seconds: 60, signal: new AbortController().signal }, () => {});

// The middleware is what each version of the AI SDK takes.
const middleware = holdCredits(aureon, usage);
const { MockLanguageModelV3 } = mocks6;
const { MockLanguageModelV3: OlderMock, MockLanguageModelV4 } = mocks7;
ai5.generateText({ model: ai5.wrapLanguageModel({ model: new MockLanguageModelV2(), middleware }), prompt: "Why?" });
ai6.generateText({ model: ai6.wrapLanguageModel({ model: new MockLanguageModelV3(), middleware }), prompt: "Why?" });
ai7.generateText({ model: ai7.wrapLanguageModel({ model: new MockLanguageModelV4(), middleware }), prompt: "Why?" });
ai7.wrapLanguageModel({ model: new OlderMock(), middleware: [middleware] });
holdCredits(aureon, { ...usage, units: ({ inputTokens, outputTokens }) => inputTokens + 3 * outputTokens });
// @ts-expect-error nobody's
holdCredits(aureon, { name: "tokens" });
