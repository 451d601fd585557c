// Whether a meter decides about spends, and whom that affects: said before it does.
import type { JSX } from "preact";
import type { Func, Meter } from "../data/shapes";
import { type Message, t } from "../text/words";
import { SelectField } from "./forms";

type Limits = Meter["limits_spending"];

export const LIMITS: Record<Limits, { label: Message; hint: Message }> = {
  auto: {
    label: "Where credits were given",
    hint: "Customers with credits on it are stopped when they run out. A customer without credits on any meter that counts the spend is stopped at once.",
  },
  always: {
    label: "Always",
    hint: "Every spend on its events is refused when the customer has no credits left on it, even if none were ever granted.",
  },
  never: { label: "Never", hint: "It only measures. It stops nobody unless a spend names it." },
};

/** Only sums and counts can decide: a spend is sure of their balance. */
export const decides = (func: Func): boolean => ["sum", "count"].includes(func);

interface LimitsFieldProps {
  value: Limits;
  onChange(value: Limits): void;
  problem: string;
}

export function LimitsField({ value, onChange, problem }: LimitsFieldProps): JSX.Element {
  return (
    <SelectField
      label={t("Limits spending")}
      value={value}
      onChange={(value) => onChange(value as Limits)}
      options={Object.entries(LIMITS).map(([value, { label }]) => ({ value, label: t(label) }))}
      hint={t(LIMITS[value].hint)}
      problem={problem}
    />
  );
}
