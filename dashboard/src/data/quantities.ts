// What a meter measured in a period, of everyone or of one customer.
import { bounds, type Interval, type Period, periodOf, todayIn } from "../text/ranges";
import { zone as chosenZone } from "../text/settings";
import { type Loaded, type ReadOptions, useRead } from "./query";
import type { Quantities } from "./shapes";

export interface Measured {
  meterId: string;
  customerId?: string;
  period: Period;
  interval: Interval;
  zone: string;
  /** Told by the values of this property too. */
  groupBy?: string;
}

/** So many values are told apart: as many as there are shades, but for one of all others. */
const MAX_GROUPS = 8;

export function useQuantities(measured: Measured, options: ReadOptions = {}): Loaded<Quantities> {
  const { meterId, customerId, period, interval, zone, groupBy } = measured;
  return useRead(
    "/v1/meters/{id}/quantities",
    {
      path: { id: meterId },
      query: {
        ...bounds(period, zone),
        interval,
        timezone: zone,
        customer_id: customerId,
        ...(groupBy && { group_by: groupBy, limit: MAX_GROUPS }),
      },
    },
    options,
  );
}

/** The last 30 days by day: what overviews and forecasts are made of, read once for all of them. */
export function useMonth(
  meterId: string,
  customerId?: string,
  options: ReadOptions = {},
): Loaded<Quantities> {
  const zone = chosenZone();
  const period = periodOf("month", todayIn(zone));
  return useQuantities({ meterId, customerId, period, interval: "day", zone }, options);
}
