// What a meter's figures are of, as it is shown everywhere: credits, tokens, or a unit of the seller's.
import type { JSX } from "preact";
import type { Meter } from "../data/shapes";
import { type Unit, unitOf } from "../text/meters";
import { type Big, exact, typed, untyped } from "../text/numbers";
import { type Message, t } from "../text/words";
import { SelectField, TextField } from "./forms";

type Kind = Meter["unit"];

/** A unit as it is typed. */
export interface UnitDraft {
  unit: Kind;
  label: string;
  multiplier: string;
}

const KINDS: { value: Kind; label: Message }[] = [
  { value: "scalar", label: "Credits" },
  { value: "token", label: "Tokens" },
  { value: "custom", label: "Another unit" },
];
const MOST_DIGITS = 15;

export const unitDraft = ({ unit, custom_label, custom_multiplier }: Unit): UnitDraft => ({
  unit,
  label: custom_label ?? "",
  multiplier: custom_multiplier ? untyped(custom_multiplier) : "",
});

/** A unit as the API takes it. */
export function unitBody({ unit, label, multiplier }: UnitDraft): Unit {
  const isCustom = unit === "custom";
  return {
    unit,
    custom_label: isCustom ? label.trim() || null : null,
    custom_multiplier: isCustom ? wholeOf(multiplier) : null,
  };
}

/** What is wrong with a unit; empty where nothing is. */
export const unitProblem = ({ unit, multiplier }: UnitDraft): string =>
  unit === "custom" && multiplier.trim() && !wholeOf(multiplier)
    ? t("A whole number from 1, of at most 15 digits.")
    : "";

/** A unit in words: `GB (1,000,000,000)`. */
export function unitText(meter: Unit): string {
  const name = unitOf(meter) || t("Credits");
  const { custom_multiplier: multiplier } = meter;
  return meter.unit === "custom" && multiplier?.gt(1) ? `${name} (${exact(multiplier)})` : name;
}

function wholeOf(text: string): Big | null {
  const number = typed(text);
  return number?.gte(1) && number.round(0).eq(number) && number.toFixed().length <= MOST_DIGITS
    ? number
    : null;
}

interface UnitFieldProps extends UnitDraft {
  onChange(part: Partial<UnitDraft>): void;
  /** What the API says is wrong with the name. */
  problem: string;
}

export function UnitField({ onChange, problem, ...draft }: UnitFieldProps): JSX.Element {
  const { unit, label, multiplier } = draft;
  const { custom_multiplier } = unitBody(draft);
  const name = label.trim();
  return (
    <>
      <div class="pair-of-fields">
        <SelectField
          label={t("Unit")}
          value={unit}
          onChange={(unit) => onChange({ unit: unit as Kind })}
          options={KINDS.map(({ value, label }) => ({ value, label: t(label) }))}
          hint={t("What the figures count, wherever they are shown.")}
        />
        {unit === "custom" && (
          <TextField
            label={t("Name of the unit")}
            value={label}
            placeholder={t("minutes")}
            onChange={(label) => onChange({ label })}
            problem={problem}
          />
        )}
      </div>
      {unit === "custom" && (
        <TextField
          label={t("Multiplier")}
          inputMode="decimal"
          optional
          value={multiplier}
          placeholder="1"
          onChange={(multiplier) => onChange({ multiplier })}
          problem={unitProblem(draft)}
          hint={
            custom_multiplier && name
              ? t("{n} counted units are shown as 1 {unit}.", {
                  n: exact(custom_multiplier),
                  unit: name,
                })
              : t("How many counted units make one: with 60, seconds are shown as minutes.")
          }
        />
      )}
    </>
  );
}
