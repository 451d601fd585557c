// Words: English stands in the code, every other language in a file that has all of it.
import type de from "./de";
import { exact } from "./numbers";
import { language } from "./settings";

/** What is said anywhere. The compiler refuses what the languages' files do not have. */
export type Message = keyof typeof de;

const CATALOGS = { de: () => import("./de") };

let catalog: Partial<Record<Message, string>> = {};

/** Load the language that was chosen; where that fails, English is there. */
export async function loadWords(): Promise<void> {
  const chosen = language();
  catalog = chosen === "en" ? {} : (await CATALOGS[chosen]().catch(() => ({ default: {} }))).default;
  document.documentElement.lang = Object.keys(catalog).length > 0 ? chosen : "en";
}

/** A message in the chosen language, with `{names}` filled in. */
export function t(message: Message, values: Record<string, string | number> = {}): string {
  return (catalog[message] ?? message).replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** A message for one, or for any other number, which `{n}` stands for. */
export function counted(
  number: import("big.js").Big,
  one: Message,
  more: Message,
  values: Record<string, string> = {},
): string {
  return t(number.eq(1) ? one : more, { n: exact(number), ...values });
}
