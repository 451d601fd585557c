// A filter while it is written: clauses, joined by "all" or "any", and groups of them.
import { Big, typed } from "../text/numbers";
import type { Clause, Filter, Operator, Value } from "./shapes";

export type Kind = "text" | "number" | "truth";

/** A clause while it is written: its value is a text, of a kind. */
export interface DraftClause {
  key: number;
  property: string;
  operator: Operator;
  kind: Kind;
  text: string;
}

export interface DraftFilter {
  key: number;
  conjunction: "and" | "or";
  clauses: (DraftClause | DraftFilter)[];
}

export const DEEPEST = 3;
const OF_TEXTS: Operator[] = ["eq", "ne", "like", "not_like"];
const OF_NUMBERS: Operator[] = ["eq", "ne", "gt", "gte", "lt", "lte"];
const OF_TRUTHS: Operator[] = ["eq", "ne"];
export const OPERATORS_OF: Record<Kind, Operator[]> = {
  text: OF_TEXTS,
  number: OF_NUMBERS,
  truth: OF_TRUTHS,
};

let keys = 0;
const nextKey = (): number => ++keys;

export const newClause = (property = "name"): DraftClause => ({
  key: nextKey(),
  property,
  operator: "eq",
  kind: "text",
  text: "",
});

export const newFilter = (): DraftFilter => ({ key: nextKey(), conjunction: "and", clauses: [newClause()] });

export const isGroup = (one: DraftClause | DraftFilter): one is DraftFilter => "clauses" in one;

/** The filter as the API takes it; null while something of it is missing. */
export function toFilter(draft: DraftFilter): Filter | null {
  const clauses = draft.clauses.map((one) => (isGroup(one) ? toFilter(one) : toClause(one)));
  if (clauses.some((one) => one === null)) return null;
  return { conjunction: draft.conjunction, clauses: clauses as (Clause | Filter)[] };
}

export function toClause(draft: DraftClause): Clause | null {
  const value = valueIn(draft);
  const property = draft.property.trim();
  return property && value !== null ? { property, operator: draft.operator, value } : null;
}

function valueIn({ kind, text }: DraftClause): Value | null {
  if (kind === "truth") return text !== "false";
  if (kind === "text") return text === "" ? null : text;
  const number = typed(text);
  return number?.eq(number.round(0, Big.roundDown)) ? number : null;
}
