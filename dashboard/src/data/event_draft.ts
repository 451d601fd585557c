// An event while it is written by hand.
import { tooLong, typed } from "../text/numbers";
import { t } from "../text/words";

export interface Entry {
  id: number;
  key: string;
  kind: "number" | "text" | "truth";
  text: string;
}

let entries = 0;
export const newEntry = (key = ""): Entry => ({ id: ++entries, key, kind: "number", text: "" });

/** What is wrong with the entries, the first of it; empty where nothing is. */
export const metadataProblem = (metadata: Entry[]): string =>
  metadata.map(entryProblem).find(Boolean) ?? repeated(metadata);

export function entryProblem({ key, kind, text }: Entry): string {
  const name = key.trim();
  if (!name) return text.trim() ? t("A value needs its key.") : "";
  if (kind === "number") {
    const number = typed(text);
    if (!number) return t("“{name}” is not a number.", { name });
    return tooLong(number) ? t("“{name}” has more digits than are kept.", { name }) : "";
  }
  return kind === "text" && !text ? t("“{name}” needs a text.", { name }) : "";
}

/** A key has one value: of two, one would be lost in silence. */
function repeated(metadata: Entry[]): string {
  const keys = metadata.map(({ key }) => key.trim()).filter(Boolean);
  const name = keys.find((key, place) => keys.indexOf(key) < place);
  return name ? t("“{name}” is there twice.", { name }) : "";
}

export const metadataOf = (metadata: Entry[]): Record<string, unknown> =>
  Object.fromEntries(metadata.filter((one) => one.key.trim()).map((one) => [one.key.trim(), valueIn(one)]));

function valueIn({ kind, text }: Entry): unknown {
  if (kind === "number") return typed(text);
  return kind === "truth" ? text !== "false" : text;
}
