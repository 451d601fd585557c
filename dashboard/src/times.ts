// Times, in words and in the reader's own zone.

export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const FULL = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const WEEK = 7 * 86_400_000;

/** `3 minutes ago`; a date, once that says more. */
export function ago(text: string, now = Date.now()): string {
  const apart = Date.parse(text) - now;
  if (Math.abs(apart) >= WEEK) return date(text);
  for (const [unit, size] of STEPS) {
    if (Math.abs(apart) >= size) return RELATIVE.format(Math.trunc(apart / size), unit);
  }
  return "just now";
}

export const date = (text: string): string => DATE.format(new Date(text));
export const full = (text: string): string => FULL.format(new Date(text));

/** The clock's time for today, and the date before it for other days. */
export function moment(text: string): string {
  const then = new Date(text);
  const today = then.toDateString() === new Date().toDateString();
  return today ? CLOCK.format(then) : `${DATE.format(then)}, ${CLOCK.format(then)}`;
}

export function daysAgo(days: number, now = new Date()): Date {
  return new Date(now.getTime() - days * 86_400_000);
}

/** The beginning of today, here. */
export function today(): Date {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate());
}

export function zones(): string[] {
  const known = Intl.supportedValuesOf("timeZone");
  return [...new Set([HERE, "UTC", ...known])];
}
