// What of a meter's quantities is shown: the address has it, so that it can be kept and sent.
import type { JSX } from "preact";
import type { Measured } from "../data/quantities";
import type { Meter } from "../data/shapes";
import { amend, useRoute } from "../router";
import * as ranges from "../text/ranges";
import { knownDay, knownZone, zones } from "../text/times";
import { t } from "../text/words";
import { DateRange } from "./date_range";
import { propertyName } from "./groups";

export interface Chosen extends Measured {
  range: ranges.RangeName;
  today: string;
  compare: boolean;
}

/** What the address chooses, and what it leaves open. */
export function useChosen(meters: Meter[], customerId?: string): Chosen {
  const { query } = useRoute();
  const by = query.get("by") ?? "";
  const asked = query.get("range") ?? "";
  const range = asked in ranges.RANGES ? (asked as ranges.RangeName) : "month";
  const zone = knownZone(query.get("zone"));
  const today = ranges.todayIn(zone);
  const period = ranges.periodOf(range, today, knownDay(query.get("from")), knownDay(query.get("to")));
  const interval = ranges.intervalOf(query.get("interval"), ranges.RANGES[range].interval, period, zone);
  const meter = meters.find(({ id }) => id === query.get("meter")) ?? meters[0];
  return {
    meterId: meter?.id ?? "",
    groupBy: meter?.group_by.includes(by) ? by : undefined,
    customerId,
    period,
    interval,
    zone,
    range,
    today,
    compare: query.get("compare") === "true",
  };
}

interface ControlsProps {
  chosen: Chosen;
  meters: Meter[];
  detailed?: boolean;
}

export function Controls({ chosen, meters, detailed }: ControlsProps): JSX.Element {
  const { meterId, range, period, interval, zone, compare, groupBy } = chosen;
  const groups = meters.find(({ id }) => id === meterId)?.group_by ?? [];
  return (
    <div class="controls">
      {meters.length > 1 && (
        <select
          aria-label={t("Meter")}
          value={meterId}
          onChange={(event) => amend({ meter: event.currentTarget.value })}
        >
          {meters.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      <select
        aria-label={t("Time")}
        value={range}
        onChange={(event) => amend({ range: event.currentTarget.value, from: period.from, to: period.to })}
      >
        {Object.entries(ranges.RANGES).map(([value, { label }]) => (
          <option key={value} value={value}>
            {t(label)}
          </option>
        ))}
      </select>
      {range === "custom" && <DateRange period={period} set={(changed) => amend({ ...changed })} />}
      {groups.length > 0 && (
        <select
          aria-label={t("Broken down by")}
          value={groupBy ?? ""}
          onChange={(event) => amend({ by: event.currentTarget.value })}
        >
          <option value="">{t("All together")}</option>
          {groups.map((name) => (
            <option key={name} value={name}>
              {t("By {property}", { property: propertyName(name) })}
            </option>
          ))}
        </select>
      )}
      {detailed && (
        <>
          <select
            aria-label={t("Interval")}
            value={interval}
            onChange={(event) => amend({ interval: event.currentTarget.value })}
          >
            {ranges.INTERVALS.map((one) => (
              <option key={one} value={one} disabled={!ranges.fits(one, period, zone)}>
                {t(ranges.BY[one])}
              </option>
            ))}
          </select>
          <select
            aria-label={t("Time zone")}
            value={zone}
            onChange={(event) => amend({ zone: event.currentTarget.value })}
          >
            {zones().map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={compare}
          onChange={(event) => amend({ compare: event.currentTarget.checked ? "true" : "" })}
        />
        <span>{t("Period before")}</span>
      </label>
    </div>
  );
}
