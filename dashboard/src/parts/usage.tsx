// A meter's quantities over a range of time, of everyone or of one customer.
import type { JSX } from "preact";
import { useQuantities } from "../data/quantities";
import type { Meter, Quantities } from "../data/shapes";
import { describeAggregation, digits, figure, scaled, unitOf } from "../text/meters";
import { type Big, changed, ZERO } from "../text/numbers";
import * as ranges from "../text/ranges";
import { t } from "../text/words";
import { Await } from "./await";
import { Chart } from "./chart";
import { Figure } from "./figure";
import { Groups, groupName, OTHER_SHADE } from "./groups";
import { Card } from "./page";
import "./usage.css";
import { type Chosen, Controls, useChosen } from "./usage_controls";

const FRESH_MILLISECONDS = 15_000;

interface UsageProps {
  title: string;
  meters: Meter[];
  customerId?: string;
  /** Let the interval and the time zone be chosen too. */
  detailed?: boolean;
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
  const shown = (one: { used_units: Big | null; quantity: Big }): Big =>
    scaled(meter, measured(one, one.quantity));
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
            quantity: shown(one),
            granted: one.granted_units ? scaled(meter, one.granted_units) : undefined,
            before: earlier && shown(earlier),
            parts: data.groups?.map((group, shade) => {
              const part = group.quantities[place];
              return {
                name: groupName(group),
                shade: group.kind === "other" ? OTHER_SHADE : shade,
                quantity: part ? shown(part) : ZERO,
              };
            }),
          };
        })}
        interval={interval}
        zone={zone}
        show={(value) => digits(meter, value)}
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
