// Thresholds as they are typed, and as the API takes them.
import { scaled, type Unit, unscaled } from "../text/meters";
import { type Big, typed, untyped } from "../text/numbers";
import type { Threshold } from "./shapes";

export type ThresholdKind = "available_credits" | "percent";

export interface ThresholdDraft {
  kind: ThresholdKind;
  value: string;
}

export const MOST_THRESHOLDS = 10;
const WHOLE = 100;

/** As they are typed, in the unit of their meter. */
export const toDrafts = (thresholds: readonly Threshold[], meter: Unit): ThresholdDraft[] =>
  thresholds.map(({ available_credits: units, percent }) =>
    percent !== null
      ? { kind: "percent", value: untyped(percent) }
      : { kind: "available_credits", value: units === null ? "" : untyped(scaled(meter, units)) },
  );

/** What the API takes; null while one of them is not a number that makes sense. */
export function toThresholds(drafts: readonly ThresholdDraft[], meter: Unit): Record<string, Big>[] | null {
  const read = drafts.map(({ kind, value }) => {
    const number = typed(value);
    if (!number || !isPossible(kind, number)) return null;
    return { [kind]: kind === "percent" ? number : unscaled(meter, number) };
  });
  return read.some((one) => one === null) ? null : (read as Record<string, Big>[]);
}

/** Whether a number can be reached: nothing below 0, and no percent of nothing. */
export const isPossible = (kind: ThresholdKind, number: Big): boolean =>
  kind === "percent" ? number.gt(0) && number.lte(WHOLE) : number.gte(0);

/** The same thresholds as they are compared with what is sent. */
export const asSent = (thresholds: readonly Threshold[], meter: Unit): Record<string, Big>[] =>
  toThresholds(toDrafts(thresholds, meter), meter) ?? [];
