// How long credits last, if they go on being used as they were.
import { type Big, ZERO } from "./numbers";

export interface Rate {
  /** So many days back, today included. */
  days: number;
  /** What was used a day, on average. */
  perDay: Big;
  /** So long do the credits last at that; null where nothing was used. */
  lasts: Big | null;
}

const BACK = [7, 30];
const LONGEST_DAYS = 3_650;

/** Whether credits last so long that a number of days says nothing. */
export const isForYears = (lasts: Big): boolean => lasts.gt(LONGEST_DAYS);

/** The rates of the last 7 and 30 days, from what was used on each of the last days, the oldest first. */
export function rates(usedByDay: Big[], available: Big): Rate[] {
  return BACK.map((days) => {
    const used = usedByDay.slice(-days).reduce((sum, one) => sum.plus(one), ZERO);
    const perDay = used.div(days);
    return { days, perDay, lasts: used.gt(0) ? available.times(days).div(used).round(0, 0) : null };
  });
}
