// What becomes of granted credits: when they expire, which are used first, how often they come back.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Terms } from "../data/grant";
import { type Unit, unitOf, unscaled } from "../text/meters";
import { typed } from "../text/numbers";
import { zone } from "../text/settings";
import { addDays, full, instant, isoDay, knownDay } from "../text/times";
import { type Message, t } from "../text/words";
import { numberProblem } from "./amount_field";
import { SelectField, type Sending, TextField } from "./forms";

export type Every = "" | "day" | "week" | "month" | "year";

/** The fields, as they are typed. */
export interface TermValues {
  lastDay: string;
  priority: string;
  every: Every;
  times: string;
  firstDay: string;
  carried: string;
}

export const NO_TERMS: TermValues = {
  lastDay: "",
  priority: "",
  every: "",
  times: "",
  firstDay: "",
  carried: "",
};

const NAMES = Object.keys(NO_TERMS) as (keyof TermValues)[];

const EVERY: Record<Every, Message> = {
  "": "Never",
  day: "Every day",
  week: "Every week",
  month: "Every month",
  year: "Every year",
};
const MOST_PRIORITY = 100;
const MOST_TIMES = 10_000;

/** When credits end that are good through a day: as the next one begins. */
export const endOf = (lastDay: string): string => instant(addDays(lastDay, 1)).toISOString();

/** What is wrong with the fields, each by its name. */
export function termProblems(
  values: TermValues,
  meter: Unit | undefined,
): Partial<Record<keyof TermValues, string>> {
  const { lastDay, firstDay, priority, every, times, carried } = values;
  const today = isoDay(new Date());
  const found: Partial<Record<keyof TermValues, string>> = {};
  if (!every && lastDay && (!knownDay(lastDay) || lastDay < today))
    found.lastDay = t("A day to come, or today.");
  if (every && firstDay && (!knownDay(firstDay) || firstDay <= today)) found.firstDay = t("A day to come.");
  if (priority && !isWhole(priority, 0, MOST_PRIORITY)) found.priority = t("A whole number from 0 to 100.");
  if (every && times && !isWhole(times, 1, MOST_TIMES)) found.times = t("A whole number above 0.");
  if (every && carried)
    found.carried = numberProblem(carried, meter) || (typed(carried)?.gt(0) ? "" : t("More than 0."));
  return Object.fromEntries(Object.entries(found).filter(([, problem]) => problem));
}

/** The terms that are sent. */
export function termsOf(
  { lastDay, priority, every, times, firstDay, carried }: TermValues,
  meter: Unit | undefined,
): Terms {
  const terms: Terms = priority ? { priority: Number(priority) } : {};
  if (!every) return lastDay ? { ...terms, expires_at: endOf(lastDay) } : terms;
  const max = carried ? typed(carried) : null;
  return {
    ...terms,
    recurrence: {
      every,
      timezone: zone(),
      ...(times && { count: Number(times) }),
      ...(firstDay && { anchor: instant(firstDay).toISOString() }),
    },
    ...(max && { rollover: { max_units: unscaled(meter, max) } }),
  };
}

function isWhole(text: string, least: number, most: number): boolean {
  return /^\d{1,5}$/.test(text.trim()) && Number(text) >= least && Number(text) <= most;
}

interface TermFieldsProps {
  meter: Unit | undefined;
  values: TermValues;
  set(part: Partial<TermValues>): void;
  sending: Sending;
}

export function TermFields({ meter, values, set, sending }: TermFieldsProps): JSX.Element {
  const wrong = termProblems(values, meter);
  const unit = unitOf(meter);
  const repeats = values.every !== "";
  // The terms are open at first where the draft has any; then the person opens and closes them.
  const [given] = useState(() => NAMES.some((name) => values[name] !== ""));
  return (
    <details class="grant-terms" open={given}>
      <summary>{t("More: expiry, priority, repeat")}</summary>
      <SelectField
        label={t("Repeat")}
        value={values.every}
        onChange={(every) => set({ every: every as Every })}
        options={Object.entries(EVERY).map(([value, label]) => ({ value, label: t(label) }))}
        hint={
          repeats ? t("What is not used by then expires, and the same amount is granted again.") : undefined
        }
        problem={sending.at("recurrence")}
      />
      {repeats ? (
        <>
          <TextField
            label={t("Next on")}
            type="date"
            optional
            value={values.firstDay}
            onChange={(firstDay) => set({ firstDay })}
            problem={wrong.firstDay}
            hint={t("When the day begins in {zone}; if empty, one period from now.", { zone: zone() })}
          />
          <TextField
            label={t("Times in all")}
            inputMode="decimal"
            optional
            value={values.times}
            onChange={(times) => set({ times })}
            problem={wrong.times}
          />
          <TextField
            label={unit ? `${t("Carried over at most")} (${unit})` : t("Carried over at most")}
            inputMode="decimal"
            optional
            value={values.carried}
            onChange={(carried) => set({ carried })}
            problem={wrong.carried || sending.at("rollover")}
            hint={t("Of what is left, carried into the next period.")}
          />
        </>
      ) : (
        <TextField
          label={t("Good through")}
          type="date"
          optional
          value={values.lastDay}
          onChange={(lastDay) => set({ lastDay })}
          problem={wrong.lastDay || sending.at("expires_at")}
          hint={
            knownDay(values.lastDay) && !wrong.lastDay
              ? t("The rest expires at {time}.", { time: full(endOf(values.lastDay)) })
              : t("Without a date they never expire.")
          }
        />
      )}
      <TextField
        label={t("Priority")}
        inputMode="decimal"
        optional
        value={values.priority}
        placeholder="50"
        onChange={(priority) => set({ priority })}
        problem={wrong.priority || sending.at("priority")}
        hint={t("0 to 100: what is lower is used first.")}
      />
    </details>
  );
}
