import type { JSX } from "preact";
import { type Unit, unitOf, unscaled } from "../text/meters";
import { type Big, exact, tooLong, typed } from "../text/numbers";
import { marks } from "../text/settings";
import { t } from "../text/words";
import { TextField } from "./forms";

/** What is wrong with a number as it is typed, in a meter's unit; empty where nothing is. */
export function numberProblem(text: string, meter?: Unit): string {
  const number = typed(text);
  if (!number)
    return t("This is not a number. Your decimal mark is “{mark}”: see Settings.", { mark: marks().decimal });
  const side = tooLong(unscaled(meter, number));
  if (side === "whole") return t("At most 15 digits before the decimal mark.");
  return side ? t("At most 9 digits after the decimal mark.") : "";
}

/** What is wrong with an amount of credits to grant. */
export function amountProblem(text: string, meter: Unit | undefined): string {
  if (text.trim() === "") return t("An amount is required.");
  const wrong = numberProblem(text, meter);
  if (wrong) return wrong;
  return typed(text)?.lte(0)
    ? t("Grant more than 0. To take credits back, add an event with a positive value.")
    : "";
}

interface AmountFieldProps {
  meter: Unit | undefined;
  value: string;
  onChange(value: string): void;
  strict: boolean;
  /** What the amount comes to, in words, whatever was typed. */
  echo(units: Big): string;
}

export function AmountField({ meter, value, onChange, strict, echo }: AmountFieldProps): JSX.Element {
  const wrong = amountProblem(value, meter);
  const amount = typed(value);
  const unit = unitOf(meter);
  return (
    <TextField
      label={unit ? `${t("Amount")} (${unit})` : t("Amount")}
      inputMode="decimal"
      autoFocus
      value={value}
      placeholder={exact(typed("100") as Big)}
      onChange={onChange}
      problem={value || strict ? wrong : ""}
      hint={amount && !wrong ? echo(unscaled(meter, amount)) : t("How much to add.")}
    />
  );
}
