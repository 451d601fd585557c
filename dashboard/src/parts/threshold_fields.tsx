// Thresholds as they are typed: so many credits left, or so many percent of what was granted.
import type { JSX } from "preact";
import {
  isPossible,
  MOST_THRESHOLDS,
  type ThresholdDraft,
  type ThresholdKind,
} from "../data/threshold_draft";
import { type Unit, unitOf } from "../text/meters";
import { typed } from "../text/numbers";
import { type Message, t } from "../text/words";
import { Button } from "./actions";
import { numberProblem } from "./amount_field";
import { Icon } from "./icons";
import "./thresholds.css";

const KINDS: Record<ThresholdKind, Message> = {
  available_credits: "left",
  percent: "% of what was granted",
};

function problemOf({ kind, value }: ThresholdDraft, meter: Unit): string {
  const wrong = numberProblem(value, kind === "percent" ? undefined : meter);
  const number = typed(value);
  if (wrong || !number || isPossible(kind, number)) return wrong;
  return kind === "percent" ? t("More than 0, and at most 100.") : t("0, or more.");
}

interface ThresholdFieldsProps {
  /** In whose unit they are typed. */
  meter: Unit;
  drafts: ThresholdDraft[];
  onChange(drafts: ThresholdDraft[]): void;
  /** Whether what is not finished is wrong by now. */
  strict: boolean;
  problem: string;
}

export function ThresholdFields(props: ThresholdFieldsProps): JSX.Element {
  const { meter, drafts, onChange, strict, problem } = props;
  const unit = unitOf(meter);
  const kindIn = (kind: string, label: Message): string =>
    kind === "available_credits" && unit ? t("{unit} left", { unit }) : t(label);
  const change = (place: number, part: Partial<ThresholdDraft>): void =>
    onChange(drafts.map((one, at) => (at === place ? { ...one, ...part } : one)));
  const wrong = drafts.map((one) => (one.value || strict ? problemOf(one, meter) : ""));
  const said = wrong.find(Boolean) || problem;
  return (
    <fieldset class="threshold-fields">
      <legend>{t("Thresholds")}</legend>
      <p class="hint">
        {t(
          "An alert says that a customer's credits fell to a threshold. It can come again once there are more.",
        )}
      </p>
      {drafts.map((draft, place) => (
        <div class="threshold" key={place}>
          <input
            type="text"
            inputMode="decimal"
            autocomplete="off"
            aria-label={t("Threshold {n}", { n: place + 1 })}
            aria-invalid={wrong[place] ? "true" : undefined}
            value={draft.value}
            onInput={(event) => change(place, { value: event.currentTarget.value })}
          />
          <select
            aria-label={t("Kind of threshold {n}", { n: place + 1 })}
            value={draft.kind}
            onChange={(event) => change(place, { kind: event.currentTarget.value as ThresholdKind })}
          >
            {Object.entries(KINDS).map(([kind, label]) => (
              <option key={kind} value={kind}>
                {kindIn(kind, label)}
              </option>
            ))}
          </select>
          <button
            type="button"
            class="button quiet"
            aria-label={t("Remove threshold {n}", { n: place + 1 })}
            onClick={() => onChange(drafts.filter((_, at) => at !== place))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      {said && (
        <p class="problem" role="alert">
          {said}
        </p>
      )}
      {drafts.length < MOST_THRESHOLDS && (
        <Button icon="plus" onClick={() => onChange([...drafts, { kind: "available_credits", value: "" }])}>
          {t("Add a threshold")}
        </Button>
      )}
    </fieldset>
  );
}

interface NotifyProps {
  value: boolean;
  onChange(value: boolean): void;
}

/** Whether new thresholds tell of what is below them already. */
export function NotifyCurrent({ value, onChange }: NotifyProps): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>
        {t("Alert at once for balances that are below already")}
        <small>{t("Otherwise only balances that fall from now on cause an alert.")}</small>
      </span>
    </label>
  );
}
