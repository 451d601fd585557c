import type { JSX } from "preact";
import { type Big, exact, tooLong, typed } from "../text/numbers";
import { marks } from "../text/settings";
import { t } from "../text/words";
import { TextField } from "./forms";

/** What is wrong with a number as it is typed; empty where nothing is. */
export function numberProblem(text: string): string {
  const number = typed(text);
  if (!number)
    return t("This is not a number. Your decimal mark is “{mark}”: see Settings.", { mark: marks().decimal });
  const side = tooLong(number);
  if (side === "whole") return t("At most 15 digits before the decimal mark.");
  return side ? t("At most 9 digits after the decimal mark.") : "";
}

/** What is wrong with an amount of credits to grant. */
export function amountProblem(text: string): string {
  if (text.trim() === "") return t("An amount is required.");
  const wrong = numberProblem(text);
  if (wrong) return wrong;
  return typed(text)?.lte(0)
    ? t("Grant more than 0. To take credits back, add an event with a positive value.")
    : "";
}

interface AmountFieldProps {
  value: string;
  onChange(value: string): void;
  strict: boolean;
  /** What the amount comes to, in words, whatever was typed. */
  echo(amount: Big): string;
}

export function AmountField({ value, onChange, strict, echo }: AmountFieldProps): JSX.Element {
  const wrong = amountProblem(value);
  const amount = typed(value);
  return (
    <TextField
      label={t("Amount")}
      inputMode="decimal"
      autoFocus
      value={value}
      placeholder={exact(typed("100") as Big)}
      onChange={onChange}
      problem={value || strict ? wrong : ""}
      hint={amount && !wrong ? echo(amount) : t("How much to add.")}
    />
  );
}
