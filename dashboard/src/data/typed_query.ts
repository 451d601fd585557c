// What is searched for: typed here, and in the address once it has settled.
import { useEffect, useState } from "preact/hooks";
import { amend } from "../router";
import { useSettled } from "./query";

const TYPING_MILLISECONDS = 250;

export function useTypedQuery(query: URLSearchParams): {
  text: string;
  setText(text: string): void;
  asked: string;
} {
  const asked = query.get("query") ?? "";
  const [text, setText] = useState(asked);
  const settled = useSettled(text.trim(), TYPING_MILLISECONDS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what was typed has settled; nothing else is news.
  useEffect(() => {
    if (settled !== asked) amend({ query: settled, page: "" });
  }, [settled]);
  // The address changes by itself too: the sidebar leads back to everybody.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address has changed; nothing else is news.
  useEffect(() => {
    if (settled !== asked) setText(asked);
  }, [asked]);
  return { text, setText, asked };
}
