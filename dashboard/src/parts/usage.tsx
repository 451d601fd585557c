// A meter's quantities over a range of time, of everyone or of one customer.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../loading";
import { describeAggregation } from "../meters";
import { exact } from "../numbers";
import { useSession } from "../session";
import type { Meter, Quantities } from "../shapes";
import { daysAgo, HERE, zones } from "../times";
import { Chart, type Interval } from "./chart";
import { Await, Card } from "./layout";

const RANGES = [
  { value: "day", label: "24 hours", days: 1, interval: "hour" },
  { value: "week", label: "7 days", days: 7, interval: "day" },
  { value: "month", label: "30 days", days: 30, interval: "day" },
  { value: "quarter", label: "90 days", days: 90, interval: "day" },
  { value: "year", label: "12 months", days: 365, interval: "month" },
  { value: "years", label: "5 years", days: 5 * 365, interval: "year" },
] as const;

/** The longest time that the API shows by each interval, in days. */
const LONGEST: Record<Interval, number> = { hour: 7, day: 366, week: 371, month: 4 * 366, year: 3650 };
const FRESH_MILLISECONDS = 15_000;

interface UsageProps {
  title: string;
  meters: Meter[];
  customerId?: string;
  /** Let the interval and the time zone be chosen too. */
  detailed?: boolean;
}

export function Usage({ title, meters, customerId, detailed }: UsageProps): JSX.Element {
  const { api } = useSession();
  const [meterId, setMeterId] = useState(meters[0]?.id ?? "");
  const [range, setRange] = useState<string>("month");
  const [chosen, setChosen] = useState<Interval>();
  const [zone, setZone] = useState(HERE);
  const span = RANGES.find((one) => one.value === range) ?? RANGES[2];
  const interval = chosen && span.days <= LONGEST[chosen] ? chosen : span.interval;
  const meter = meters.find((one) => one.id === meterId) ?? meters[0];
  const found = useLoad(
    (signal) => {
      // Of one moment: a range may be the longest that there is.
      const now = new Date();
      return api.get<Quantities>(
        `v1/meters/${meter?.id}/quantities`,
        {
          start_timestamp: daysAgo(span.days, now).toISOString(),
          end_timestamp: now.toISOString(),
          interval,
          timezone: zone,
          customer_id: customerId,
        },
        signal,
      );
    },
    [meter?.id, range, interval, zone, customerId],
    { every: FRESH_MILLISECONDS, skip: !meter },
  );
  const controls = (
    <div class="controls">
      {meters.length > 1 && (
        <select aria-label="Meter" value={meter?.id} onChange={(event) => setMeterId(event.currentTarget.value)}>
          {meters.map((one) => (
            <option key={one.id} value={one.id}>
              {one.name}
            </option>
          ))}
        </select>
      )}
      <select aria-label="Time" value={range} onChange={(event) => setRange(event.currentTarget.value)}>
        {RANGES.map((one) => (
          <option key={one.value} value={one.value}>
            {one.label}
          </option>
        ))}
      </select>
      {detailed && (
        <>
          <select
            aria-label="Interval"
            value={interval}
            onChange={(event) => setChosen(event.currentTarget.value as Interval)}
          >
            {(Object.keys(LONGEST) as Interval[]).map((one) => (
              <option key={one} value={one} disabled={span.days > LONGEST[one]}>
                by {one}
              </option>
            ))}
          </select>
          <select aria-label="Time zone" value={zone} onChange={(event) => setZone(event.currentTarget.value)}>
            {zones().map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </>
      )}
    </div>
  );
  return (
    <Card title={title} actions={controls}>
      <Await of={found} lines={6}>
        {(data) => (
          <>
            <p class="total">
              <span class="used">
                <strong>{exact(data.used_units ?? data.total)}</strong>{" "}
                {data.used_units ? "used" : meter && describeAggregation(meter.aggregation).toLowerCase()} in {span.label}
              </span>{" "}
              {data.granted_units?.gt(0) && <span class="granted">{exact(data.granted_units)} granted</span>}
              {!data.complete && !meter?.archived_at && <span class="badge">still counting the past</span>}
            </p>
            <Chart
              label={data.used_units ? "Used" : (meter?.name ?? "Quantity")}
              points={data.quantities.map((one) => ({
                timestamp: one.timestamp,
                quantity: one.used_units ?? one.quantity,
                granted: one.granted_units ?? undefined,
              }))}
              interval={interval}
              zone={zone}
            />
          </>
        )}
      </Await>
    </Card>
  );
}
