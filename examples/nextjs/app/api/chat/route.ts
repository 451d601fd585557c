// A chat whose users pay with credits: tokens are held before the model is called, and captured after it.
import { Aureon, InsufficientCredits } from "@aureon/client";
import { holdCredits } from "@aureon/client/ai-sdk";
import { convertToModelMessages, streamText, wrapLanguageModel, type UIMessage } from "ai";
import { model } from "../../model.js";

const aureon = new Aureon(); // AUREON_URL and AUREON_ACCESS_TOKEN

export async function POST(request: Request): Promise<Response> {
  const { id, messages }: { id: string; messages: UIMessage[] } = await request.json();
  const user = request.headers.get("x-user")!; // Who is signed in: your session says it.

  const middleware = holdCredits(aureon, {
    external_customer_id: user,
    name: "tokens",
    maxOutputTokens: 1000,
    onAbort: "capture",
  });
  const result = streamText({
    model: wrapLanguageModel({ model, middleware }),
    messages: await convertToModelMessages(messages),
    abortSignal: request.signal,
  });
  return result.toUIMessageStreamResponse({
    onError: (error) => (error instanceof InsufficientCredits ? "Your credits are used up." : "Please try again."),
  });
}
