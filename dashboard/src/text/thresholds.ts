// Thresholds in words: how few credits are few.
import type { Alert, Func, Meter, Threshold } from "../data/shapes";
import { amount } from "./meters";
import { exact } from "./numbers";
import { type Message, t } from "./words";

/** `100 credits left`, `20 % left`, `Nothing left`. */
export function describeThreshold(meter: Meter | undefined, threshold: Threshold): string {
  const { available_credits: units, percent } = threshold;
  if (percent !== null) return t("{n} % left", { n: exact(percent) });
  if (units === null || units.eq(0)) return t("Nothing left");
  return t("{amount} left", { amount: amount(meter, units) });
}

/** Only sums have credits of which few can be left. */
export const canAlert = (func: Func): boolean => func === "sum";

export const ALERT_STATES: Record<Alert["state"], Message> = {
  reached: "Reached",
  recovered: "Recovered",
  closed: "Closed",
};
