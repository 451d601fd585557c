// A meter's quantities over a range of time, of everyone or of one customer. The address has what is
// chosen, so that it can be kept and sent.
import type { JSX } from "preact";
import { type Measured, useQuantities } from "../data/quantities";
import type { Meter, Quantities } from "../data/shapes";
import { amend, useRoute } from "../router";
import { describeAggregation, figure, unitOf } from "../text/meters";
import { type Big, changed, ZERO } from "../text/numbers";
import * as ranges from "../text/ranges";
import { knownDay, knownZone, zones } from "../text/times";
import { t } from "../text/words";
import { Await } from "./await";
import { Chart } from "./chart";
import { Figure } from "./figure";
import { Groups, groupName, OTHER_SHADE, propertyName } from "./groups";
import { Card } from "./page";
import "./usage.css";

const FRESH_MILLISECONDS = 15_000;

interface UsageProps {
  title: string;
  meters: Meter[];
  customerId?: string;
  /** Let the interval and the time zone be chosen too. */
  detailed?: boolean;
}

interface Chosen extends Measured {
  range: ranges.RangeName;
  today: string;
  compare: boolean;
}

/** What the address chooses, and what it leaves open. */
function useChosen(meters: Meter[], customerId?: string): Chosen {
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

export function Usage({ title, meters, customerId, detailed }: UsageProps): JSX.Element {
  const chosen = useChosen(meters, customerId);
  const meter = meters.find(({ id }) => id === chosen.meterId);
  const options = { every: FRESH_MILLISECONDS, skip: !meter, keep: true };
  const found = useQuantities(chosen, options);
  const earlier = useQuantities(
    { ...chosen, groupBy: undefined, period: ranges.before(chosen.period) },
    { ...options, skip: !meter || !chosen.compare },
  );
  return (
    <Card title={title} actions={<Controls chosen={chosen} meters={meters} detailed={detailed} />}>
      <Await of={found} lines={6}>
        {(data) => (
          <Shown
            data={data}
            before={chosen.compare && !earlier.stale ? earlier.data : undefined}
            meter={meter}
            chosen={chosen}
          />
        )}
      </Await>
    </Card>
  );
}

interface ControlsProps {
  chosen: Chosen;
  meters: Meter[];
  detailed?: boolean;
}

function Controls({ chosen, meters, detailed }: ControlsProps): JSX.Element {
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
      {range === "custom" && (
        <>
          <input
            type="date"
            aria-label={t("From")}
            value={period.from}
            onChange={(event) => amend({ from: event.currentTarget.value })}
          />
          <input
            type="date"
            aria-label={t("To")}
            value={period.to}
            onChange={(event) => amend({ to: event.currentTarget.value })}
          />
        </>
      )}
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

interface ShownProps {
  data: Quantities;
  before: Quantities | undefined;
  meter: Meter | undefined;
  chosen: Chosen;
}

const measured = (data: { used_units: Big | null }, other: Big): Big => data.used_units ?? other;

function Shown({ data, before, meter, chosen }: ShownProps): JSX.Element {
  const { interval, zone, period, today } = chosen;
  const total = measured(data, data.total);
  const unit = unitOf(meter);
  const label = data.used_units ? t("Used") : (meter?.name ?? "");
  return (
    <>
      <p class="total">
        <span>
          <Figure text={figure(meter, total)} />{" "}
          {data.used_units
            ? unit
              ? t("{unit} used", { unit })
              : t("used")
            : meter && describeAggregation(meter.aggregation)}
          {" · "}
          <span class="nowrap">{ranges.printed(ranges.whole(period, interval, today))}</span>
        </span>
        {data.granted_units?.gt(0) && (
          <span class="granted">{t("{n} granted", { n: figure(meter, data.granted_units) })}</span>
        )}
        {before && <Before total={total} before={before} meter={meter} chosen={chosen} />}
        {!data.complete && !meter?.archived_at && <span class="badge">{t("still counting the past")}</span>}
      </p>
      <Chart
        label={unit ? `${label} (${unit})` : label}
        points={data.quantities.map((one, place) => {
          const earlier = before?.quantities[place];
          return {
            timestamp: one.timestamp,
            quantity: measured(one, one.quantity),
            granted: one.granted_units ?? undefined,
            before: earlier && measured(earlier, earlier.quantity),
            parts: data.groups?.map((group, shade) => {
              const part = group.quantities[place];
              return {
                name: groupName(group),
                shade: group.kind === "other" ? OTHER_SHADE : shade,
                quantity: part ? measured(part, part.quantity) : ZERO,
              };
            }),
          };
        })}
        interval={interval}
        zone={zone}
        show={(value) => figure(meter, value)}
      />
      {data.groups && chosen.groupBy && (
        <Groups groups={data.groups} meter={meter} property={chosen.groupBy} total={total} />
      )}
    </>
  );
}

function Before({
  total,
  before,
  meter,
  chosen,
}: Omit<ShownProps, "data" | "before"> & { total: Big; before: Quantities }): JSX.Element {
  const { period, interval, today } = chosen;
  const earlier = measured(before, before.total);
  const change = changed(earlier, total);
  return (
    <span class="before-figure">
      {t("{n} before", { n: figure(meter, earlier) })}
      {change && ` (${change})`} ·{" "}
      <span class="nowrap">{ranges.printed(ranges.whole(ranges.before(period), interval, today))}</span>
    </span>
  );
}
