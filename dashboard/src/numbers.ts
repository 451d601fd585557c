// Numbers are decimals from the first byte to the last: JSON's never become binary floats.
import Big from "big.js";
import { parse, stringify } from "lossless-json";

export { Big };

Big.strict = false;

export const ZERO = new Big(0);
const MINUS = "\u2212";

export function readJson(text: string): unknown {
  return parse(text, undefined, (digits) => new Big(digits));
}

export function writeJson(value: unknown, indent?: number): string {
  return (
    stringify(value, undefined, indent, [
      { test: (one) => one instanceof Big, stringify: (one) => (one as Big).toFixed() },
    ]) ?? ""
  );
}

/** All digits, in groups of three: `−1,234,567.000000001`. */
export function exact(number: Big): string {
  const [whole = "", fraction] = number.abs().toFixed().split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return (number.lt(0) ? MINUS : "") + grouped + (fraction ? `.${fraction}` : "");
}

/** Short enough for an axis: `1.2M`, `4E-9`. Never shown where a figure matters. */
export function short(number: number): string {
  const size = Math.abs(number);
  const notation = size >= 1e15 || (size > 0 && size < 0.01) ? "scientific" : "compact";
  return new Intl.NumberFormat("en", { notation, maximumFractionDigits: 2 })
    .format(number)
    .replace("-", MINUS);
}

export function many(number: Big, one: string, more = `${one}s`): string {
  return `${exact(number)} ${number.eq(1) ? one : more}`;
}

// Groups are of three digits: who writes 10,5 for ten and a half must not get 105.
const DECIMAL = /^-?(\d+|\d{1,3}([,\s_]\d{3})+)(\.\d+)?$/;
const WHOLE_DIGITS = 15;
const FRACTION_DIGITS = 9;

/** A number as somebody types it, with or without groups; null where it is none. */
export function typed(text: string): Big | null {
  const plain = text.trim().replace(MINUS, "-");
  return DECIMAL.test(plain) ? new Big(plain.replace(/[,\s_]/g, "")) : null;
}

/** What is wrong with a number for the API, which keeps so many digits; empty where nothing is. */
export function digitsProblem(number: Big): string {
  const [whole = "", fraction = ""] = number.abs().toFixed().split(".");
  if (whole.length > WHOLE_DIGITS) return `At most ${WHOLE_DIGITS} digits before the point.`;
  if (fraction.length > FRACTION_DIGITS) return `At most ${FRACTION_DIGITS} digits after the point.`;
  return "";
}
