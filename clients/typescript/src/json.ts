/** JSON whose numbers are decimals, exactly as they are written. */

import { DECIMALS } from "./schema.js";

/** An exact decimal, as it is written in JSON: what the API answers where a number may be large. */
export type DecimalText = string;

/** What is written as a JSON number. A number is written in its shortest form, so 0.1 is 0.1. */
export type DecimalInput = number | bigint | Decimal;

/** An amount of units. A string is a decimal too here: "0.1" and 0.1 are the same. */
export type Units = DecimalInput | DecimalText;

/** What a customer or a meter carries besides its own fields. */
export type Metadata = Record<string, string | boolean | DecimalInput>;

/** What an event says. `_cost` and `_llm` have shapes of their own; nothing else is nested. */
export interface EventMetadata {
  _cost?: Cost;
  _llm?: LanguageModelCall;
  [key: string]: string | boolean | DecimalInput | Cost | LanguageModelCall | undefined;
}

/** What the event cost. */
export interface Cost {
  amount: DecimalInput;
  currency: string;
}

/** The call to a language model behind an event. */
export interface LanguageModelCall {
  vendor: string;
  model: string;
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  prompt?: string | null;
  response?: string | null;
  cached_input_tokens?: number | null;
}

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:e([+-]?\d+))?$/i;
// A string, and whether it is a key; or a number.
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|-?\d[\d.eE+-]*/g;
// Subtrees with names that callers have chosen.
const OPAQUE = new Set(["metadata", "filter"]);
const EXACT_DIGITS = 15;
const MOST_DIGITS = 60;

/** A decimal that is written as a JSON number, with all of its digits. */
export class Decimal {
  readonly #text: string;

  constructor(text: string) {
    if (!NUMBER.test(text)) throw new TypeError(`Not a decimal number: ${text}`);
    this.#text = text;
  }

  toString(): DecimalText {
    return this.#text;
  }

  toJSON(): DecimalText {
    return this.#text;
  }
}

/** The value of an amount in a body. */
export function decimal(units: Units): DecimalInput {
  return typeof units === "string" ? new Decimal(units) : units;
}

/** Add exactly. */
export function sum(one: Units, other: Units): DecimalText {
  const parts = [one, other].map((units) => plain(`${decimal(write(decimal(units)))}`).split("."));
  const scale = Math.max(...parts.map(([, part = ""]) => part.length));
  const [first, second] = parts.map(([whole, part = ""]) => BigInt(whole + part.padEnd(scale, "0")));
  const total = first! + second!;
  const digits = `${total < 0n ? -total : total}`.padStart(scale + 1, "0");
  const at = digits.length - scale;
  return (total < 0n ? "-" : "") + digits.slice(0, at) + (scale ? `.${digits.slice(at)}` : "");
}

/** Write JSON. Throws where a number is no decimal, or has lost digits already. */
export function write(value: unknown): string {
  if (typeof value === "bigint" || value instanceof Decimal) return `${value}`;
  if (typeof value === "number") {
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
      throw new RangeError(`${value} is not exact; give a bigint, or a Decimal`);
    }
    return `${value}`;
  }
  if (Array.isArray(value)) return `[${value.map(write).join()}]`;
  if (value && typeof value === "object" && !("toJSON" in value)) {
    const entries = Object.entries(value).filter(([, each]) => each !== undefined);
    return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${write(each)}`).join()}}`;
  }
  return JSON.stringify(value) ?? "null";
}

/** Read JSON. The API's decimals become strings; other numbers stay numbers where they are exact. */
export function read(text: string): unknown {
  // Numbers pass JSON.parse as strings with a mark. Strings that could be mistaken for one get another.
  const marked = text.replace(TOKEN, (token, isKey) => {
    if (isKey) return token;
    if (token[0] !== '"') return `"#n${token}"`;
    return token[1] === "#" || token[1] === "\\" ? `"#s${token.slice(1)}` : token;
  });
  return unmark(JSON.parse(marked), "", false);
}

function unmark(value: unknown, key: string, opaque: boolean): unknown {
  if (typeof value === "string") {
    if (value[0] !== "#") return value;
    const text = value.slice(2);
    if (value[1] === "s") return text;
    return DECIMALS.has(key) && !opaque ? plain(text) : numberOf(text);
  }
  if (Array.isArray(value)) return value.map((each) => unmark(each, key, opaque));
  if (value && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        name,
        unmark(each, name, opaque || OPAQUE.has(name)),
      ]),
    );
  }
  return value;
}

/** Without an exponent, which BigInt and people can't read. */
function plain(text: string): DecimalText {
  const [, sign, whole, part = "", exponent] = NUMBER.exec(text)!;
  const point = whole!.length + Number(exponent);
  // What a table of balances never has is left as it is, rather than made a million digits long.
  if (!exponent || Math.abs(point) > MOST_DIGITS) return text;
  const digits = "0".repeat(Math.max(0, 1 - point)) + (whole! + part).padEnd(point, "0");
  const at = Math.max(1, point);
  const rest = digits.slice(at);
  return sign + digits.slice(0, at).replace(/^0+(?=\d)/, "") + (rest && `.${rest}`);
}

function numberOf(text: string): DecimalInput {
  const value = new Decimal(text);
  const digits = text.replace(/e.*|\D/gi, "").replace(/^0+/, "");
  return digits.length <= EXACT_DIGITS && Number.isFinite(Number(text)) ? Number(text) : value;
}
