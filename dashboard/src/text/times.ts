// Times, in words, in the zone and the form that somebody has chosen.
import { HERE, language, settings, zone } from "./settings";
import { t } from "./words";

export const DAY = 86_400_000;
const LOCALES = { en: "en-GB", de: "de-DE" } as const;
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", DAY],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const WEEK = 7 * DAY;

const locale = (): string => LOCALES[language()];

const DATE: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", year: "numeric" };
const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** Format a time by the language; a date alone by numbers, where that was chosen. */
export function format(time: string | Date, options: Intl.DateTimeFormatOptions, timeZone = zone()): string {
  return new Intl.DateTimeFormat(locale(), { ...options, timeZone }).format(new Date(time));
}

export function date(time: string | Date, timeZone = zone()): string {
  if (settings().dates === "iso") return isoDay(new Date(time), timeZone);
  return format(time, DATE, timeZone);
}

export const full = (time: string): string =>
  `${date(time)}, ${format(time, { ...CLOCK, timeZoneName: "short" })}`;

/** The clock's time for today, and the date before it for other days. */
export function moment(time: string): string {
  const clock = format(time, CLOCK);
  return isoDay(new Date(time)) === isoDay(new Date()) ? clock : `${date(time)}, ${clock}`;
}

/** `3 minutes ago`; a date, once that says more. */
export function ago(time: string, now = Date.now()): string {
  const apart = Date.parse(time) - now;
  if (Math.abs(apart) >= WEEK) return date(time);
  for (const [unit, size] of STEPS) {
    if (Math.abs(apart) >= size) {
      return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(
        Math.trunc(apart / size),
        unit,
      );
    }
  }
  return t("just now");
}

/** The day that clocks show, as the API and a field of a form have it: `2026-11-29`. */
export function isoDay(time: Date, timeZone = zone()): string {
  return new Intl.DateTimeFormat("sv-SE", { timeZone }).format(time);
}

/** So many days on or back, whatever clocks do in between. */
export function addDays(day: string, days: number): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1, date + days)).toISOString().slice(0, 10);
}

/** How many days lie between: `0` for the same one. */
export const daysBetween = (from: string, to: string): number =>
  Math.round((Date.parse(to) - Date.parse(from)) / DAY);

/** The instant at which clocks in a zone show a day and a time, the earlier one where both fit. */
export function instant(day: string, clock = "00:00", timeZone = zone()): Date {
  const wanted = Date.parse(`${day}T${clock}Z`);
  const shown = (time: number): number => {
    const text = new Intl.DateTimeFormat("sv-SE", {
      timeZone,
      dateStyle: "short",
      timeStyle: "medium",
    }).format(time);
    return Date.parse(`${text.replace(" ", "T")}Z`);
  };
  // Twice: the first guess may lie on the other side of a change of clocks.
  const guess = wanted - (shown(wanted) - wanted);
  return new Date(guess - (shown(guess) - wanted));
}

export function zones(): string[] {
  return [...new Set([zone(), HERE, "UTC", ...Intl.supportedValuesOf("timeZone")])];
}

/** A zone as it is named in an address, if there is one of that name; else the one that was chosen. */
export function knownZone(name: string | null): string {
  try {
    return name ? new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone : zone();
  } catch {
    return zone();
  }
}

/** A day as it is written in an address, if it is one; else nothing. */
export const knownDay = (text: string | null): string =>
  text && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : "";
