// Numbers are decimals from the first byte to the last: JSON's never become binary floats.
import Big from "big.js";
import { parse, stringify } from "lossless-json";
import { language, marks } from "./settings";

export { Big };

Big.strict = false;

export const ZERO = new Big(0);
const MINUS = "\u2212";
const AVERAGE_DIGITS = 3;
const LEAST_ROUNDED = new Big("0.001");

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

/**
 * All digits, in groups of three, with the marks that were chosen: `−1,234,567.000000001`; behind the
 * mark at least so many, as of money.
 */
export function exact(number: Big, leastFraction = 0): string {
  const { group, decimal } = marks();
  const [whole = "", digits = ""] = number.abs().toFixed().split(".");
  const fraction = digits.padEnd(leastFraction, "0");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, group);
  return (number.lt(0) ? MINUS : "") + grouped + (fraction ? decimal + fraction : "");
}

/** An average, which has no end of digits: three of them after the mark, or the first three of a small one. */
export const rounded = (number: Big, leastFraction = 0): string =>
  exact(
    number.abs().lt(LEAST_ROUNDED) ? number.prec(AVERAGE_DIGITS) : number.round(AVERAGE_DIGITS),
    leastFraction,
  );

/** Short enough for an axis: `1.2M`, `4E-9`. Never shown where a figure matters. */
export function short(number: number): string {
  const size = Math.abs(number);
  const notation = size >= 1e15 || (size > 0 && size < 0.01) ? "scientific" : "compact";
  const { decimal } = marks();
  return new Intl.NumberFormat(language(), { notation, maximumFractionDigits: 2 })
    .formatToParts(number)
    .map(({ type, value }) => (type === "decimal" ? decimal : type === "minusSign" ? MINUS : value))
    .join("");
}

/** A change from one number to another in percent, to a whole number; null where there was nothing. */
export function changed(before: Big, after: Big): string | null {
  if (before.lte(0)) return null;
  const percent = after.minus(before).div(before).times(100).round(0);
  return `${percent.gt(0) ? "+" : ""}${exact(percent)} %`;
}

/** A share of a whole in percent: one digit after the mark. */
export const percent = (part: Big, whole: Big): string => `${exact(part.div(whole).times(100).round(1))} %`;

/** About four round numbers that enclose both; one alone, where there is nothing. */
export function ticks(low: number, high: number): number[] {
  const span = high - low;
  if (span === 0) return [0];
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.floor(low / size);
  const last = Math.max(Math.ceil(high / size), first + 1);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * size);
}

const WHOLE_DIGITS = 15;
const FRACTION_DIGITS = 9;

/**
 * A number as somebody types it, with the marks that they have chosen, with or without groups of
 * three; null where it is none. With a point as the decimal mark `1.000` is one and `10,5` is none:
 * a mark that means two things must not make 105 of ten and a half.
 */
export function typed(text: string): Big | null {
  const { group, decimal } = marks();
  const plain = text.trim().replace(MINUS, "-");
  const between = `[${escaped(group)}\\s_]`;
  const number = new RegExp(`^-?(\\d+|\\d{1,3}(${between}\\d{3})+)(${escaped(decimal)}\\d+)?$`);
  if (!number.test(plain)) return null;
  return new Big(plain.replace(new RegExp(between, "g"), "").replace(decimal, "."));
}

/** A number as it is typed: `typed` reads it back. */
export const untyped = (number: Big): string => number.toFixed().replace(".", marks().decimal);

const escaped = (mark: string): string => (mark === "." ? "\\." : mark);

/** Which side of a number has more digits than the API keeps. */
export function tooLong(number: Big): "whole" | "fraction" | null {
  const [whole = "", fraction = ""] = number.abs().toFixed().split(".");
  if (whole.length > WHOLE_DIGITS) return "whole";
  return fraction.length > FRACTION_DIGITS ? "fraction" : null;
}
