// Ranges of time: whole days as clocks show them, so that figures are of the range that is printed.
import { addDays, DAY, date, daysBetween, instant, isoDay } from "./times";
import type { Message } from "./words";

export const INTERVALS = ["hour", "day", "week", "month", "year"] as const;
export type Interval = (typeof INTERVALS)[number];

export const BY: Record<Interval, Message> = {
  hour: "by hour",
  day: "by day",
  week: "by week",
  month: "by month",
  year: "by year",
};

/** Ranges that end today; the first has their usual interval. */
export const RANGES = {
  today: { label: "Today", interval: "hour" },
  week: { label: "7 days", interval: "day" },
  month: { label: "30 days", interval: "day" },
  quarter: { label: "90 days", interval: "day" },
  year: { label: "12 months", interval: "month" },
  years: { label: "5 years", interval: "year" },
  custom: { label: "Between…", interval: "day" },
} as const satisfies Record<string, { label: Message; interval: Interval }>;
export type RangeName = keyof typeof RANGES;

const DAYS = { today: 1, week: 7, month: 30, quarter: 90 } as const;
/** The longest time that the API shows by each interval, and the shortest that makes sense, in days. */
const LONGEST: Record<Interval, number> = { hour: 7, day: 366, week: 371, month: 4 * 366, year: 3650 };
const SHORTEST: Record<Interval, number> = { hour: 0, day: 0, week: 7, month: 28, year: 365 };

/** Days from the first to the last, both of them whole. */
export interface Period {
  from: string;
  to: string;
}

export const lengthOf = ({ from, to }: Period): number => daysBetween(from, to) + 1;

/** The days of a range as of a day; of one between two days, those as far as they make sense. */
export function periodOf(range: RangeName, today: string, from = "", to = ""): Period {
  switch (range) {
    case "year":
      return { from: firstOfMonth(today, 11), to: today };
    case "years":
      return { from: `${Number(today.slice(0, 4)) - 4}-01-01`, to: today };
    case "custom": {
      const last = to || today;
      const first = from || addDays(last, -29);
      return first <= last ? { from: first, to: last } : { from: last, to: first };
    }
    default:
      return { from: addDays(today, 1 - DAYS[range]), to: today };
  }
}

function firstOfMonth(day: string, monthsBefore: number): string {
  const months = Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7)) - 1 - monthsBefore;
  return `${Math.floor(months / 12)}-${String((months % 12) + 1).padStart(2, "0")}-01`;
}

/** The days before a period, as many as it has. */
export function before(period: Period): Period {
  const days = lengthOf(period);
  return { from: addDays(period.from, -days), to: addDays(period.to, -days) };
}

/** Whether a period can be shown by an interval: not longer than the API allows, to the hour, nor shorter than one. */
export function fits(interval: Interval, period: Period, timeZone: string): boolean {
  const { start_timestamp, end_timestamp } = bounds(period, timeZone);
  const days = (Date.parse(end_timestamp) - Date.parse(start_timestamp)) / DAY;
  return days <= LONGEST[interval] && lengthOf(period) >= SHORTEST[interval];
}

/** The interval that was chosen, where it fits, else the finest of those that do. */
export function intervalOf(
  chosen: string | null,
  usual: Interval,
  period: Period,
  timeZone: string,
): Interval {
  const wanted = INTERVALS.find((one) => one === chosen) ?? usual;
  return [wanted, ...INTERVALS.slice(1)].find((one) => fits(one, period, timeZone)) ?? "year";
}

/** What the API is asked for: instants, the same ones all day long. */
export function bounds(
  { from, to }: Period,
  timeZone: string,
): { start_timestamp: string; end_timestamp: string } {
  return {
    start_timestamp: instant(from, "00:00", timeZone).toISOString(),
    end_timestamp: instant(addDays(to, 1), "00:00", timeZone).toISOString(),
  };
}

/** The period in whole intervals, as the API adds them up: no label may be shorter than its figure. */
export function whole({ from, to }: Period, interval: Interval, today: string): Period {
  const end = lastDay(to, interval);
  return { from: firstDay(from, interval), to: end > today && to <= today ? today : end };
}

function firstDay(day: string, interval: Interval): string {
  if (interval === "week") return addDays(day, -((new Date(day).getUTCDay() + 6) % 7));
  if (interval === "month") return `${day.slice(0, 7)}-01`;
  return interval === "year" ? `${day.slice(0, 4)}-01-01` : day;
}

function lastDay(day: string, interval: Interval): string {
  if (interval === "week") return addDays(firstDay(day, interval), 6);
  if (interval === "month") return addDays(firstOfMonth(day, -1), -1);
  return interval === "year" ? `${day.slice(0, 4)}-12-31` : day;
}

/** A period in words: `23 Nov – 29 Nov 2026`; one day alone, where it is one. */
export function printed({ from, to }: Period): string {
  const name = (day: string): string => date(`${day}T12:00:00Z`, "UTC");
  return from === to ? name(from) : `${name(from)} – ${name(to)}`;
}

export const todayIn = (timeZone: string): string => isoDay(new Date(), timeZone);
