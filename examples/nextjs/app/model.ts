import { gateway } from "ai";

export const model = gateway("openai/gpt-5-mini");
