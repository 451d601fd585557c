// Quantities over time, as bars. Only heights are floats: every figure that is shown is exact.
import type { JSX, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { type Big, exact, short, ZERO } from "../numbers";
import { Table } from "./table";

export type Interval = "hour" | "day" | "week" | "month" | "year";

/** `granted` is marked below the line: what is granted at once would dwarf what is used. */
export interface Point {
  timestamp: string;
  quantity: Big;
  granted?: Big;
}

interface ChartProps {
  label: string;
  points: Point[];
  interval: Interval;
  zone: string;
}

const HEIGHT = 220;
const TOP = 12;
const BOTTOM = 32;
const LEFT = 48;
const RIGHT = 4;
const WIDEST_BAR = 36;
const LABEL_WIDTH = 84;

const NAMES: Record<Interval, Intl.DateTimeFormatOptions> = {
  hour: { weekday: "short", hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  week: { day: "numeric", month: "short" },
  month: { month: "short", year: "numeric" },
  year: { year: "numeric" },
};
const FULL: Record<Interval, Intl.DateTimeFormatOptions> = {
  hour: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  week: { day: "numeric", month: "short", year: "numeric" },
  month: { month: "long", year: "numeric" },
  year: { year: "numeric" },
};

export function Chart({ label, points, interval, zone }: ChartProps): JSX.Element {
  const [frame, width] = useWidth();
  const [active, setActive] = useState<number>();
  const at = active === undefined ? undefined : points[active];
  const name = (point: Point, names = FULL): string =>
    (interval === "week" && names === FULL ? "Week of " : "") +
    new Intl.DateTimeFormat("en-GB", { ...names[interval], timeZone: zone }).format(new Date(point.timestamp));
  const move = (by: number): void =>
    setActive((before) => Math.min(points.length - 1, Math.max(0, (before ?? (by > 0 ? -1 : points.length)) + by)));

  const values = points.map((point) => point.quantity.toNumber());
  const marks = ticks(Math.min(0, ...values), Math.max(0, ...values));
  const low = marks[0] ?? 0;
  const high = marks.at(-1) || 1;
  const y = (value: number): number => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const step = (width - LEFT - RIGHT) / Math.max(points.length, 1);
  const bar = Math.min(WIDEST_BAR, Math.max(1, step * 0.72));
  const centre = (place: number): number => LEFT + step * (place + 0.5);
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  // So far from the left, and so much of itself back: within the plot, however long its figures are.
  const share = `${(100 * centre(active ?? 0)) / width}%`;

  return (
    <figure class="chart">
      <div
        ref={frame}
        class="plot"
        role="group"
        tabIndex={0}
        aria-label={`${label} by ${interval}. Arrow keys read the values.`}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") move(1);
          else if (event.key === "ArrowLeft") move(-1);
          else if (event.key === "Escape") setActive(undefined);
          else return;
          event.preventDefault();
        }}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const place = Math.floor((event.clientX - box.left - LEFT) / step);
          setActive(place >= 0 && place < points.length ? place : undefined);
        }}
        onPointerLeave={() => setActive(undefined)}
        onBlur={() => setActive(undefined)}
      >
        {width > 0 && (
          <svg width={width} height={HEIGHT} aria-hidden="true">
            {marks.map((mark) => (
              <g key={mark}>
                <line class={mark === 0 ? "zero" : "rule"} x1={LEFT} x2={width - RIGHT} y1={y(mark)} y2={y(mark)} />
                <text class="tick" x={LEFT - 8} y={y(mark)} dy="0.32em" text-anchor="end">
                  {short(mark)}
                </text>
              </g>
            ))}
            {values.map((value, place) => (
              <rect
                key={place}
                class={`${value < 0 ? "below" : "above"} ${place === active ? "active" : ""}`}
                x={centre(place) - bar / 2}
                width={bar}
                y={Math.min(y(value), y(0))}
                height={value === 0 ? 0 : Math.max(1, Math.abs(y(value) - y(0)))}
                rx={Math.min(3, bar / 4)}
              />
            ))}
            {!values.some(Boolean) && (
              <text class="tick" x={(LEFT + width) / 2} y={HEIGHT / 2} text-anchor="middle">
                Nothing in this time
              </text>
            )}
            {points.map(
              (point, place) =>
                point.granted?.gt(0) && (
                  <path key={point.timestamp} class="grant" d={`M${centre(place)} ${y(low) + 2}l4 6h-8z`} />
                ),
            )}
            {points.map(
              (point, place) =>
                place % every === 0 && (
                  <text
                    key={point.timestamp}
                    class="tick"
                    x={Math.min(Math.max(centre(place), LEFT + 12), width - 30)}
                    y={HEIGHT - 8}
                    text-anchor="middle"
                  >
                    {name(point, NAMES)}
                  </text>
                ),
            )}
          </svg>
        )}
        {at && active !== undefined && (
          <div class="tip" style={{ left: share, transform: `translateX(-${share})` }} role="status">
            <strong>{exact(at.quantity)}</strong>
            {at.granted?.gt(0) && <span>{exact(at.granted)} granted</span>}
            <span>{name(at)}</span>
          </div>
        )}
      </div>
      <details class="figures">
        <summary>Figures</summary>
        <Table
          caption={`${label} by ${interval}`}
          rows={points.filter((point) => !point.quantity.eq(0) || point.granted?.gt(0)).reverse()}
          keyOf={(point) => point.timestamp}
          columns={[
            { name: "From", show: (point) => name(point) },
            { name: label, number: true, show: (point) => exact(point.quantity) },
            ...(points.some((point) => point.granted)
              ? [{ name: "Granted", number: true, show: (point: Point) => exact(point.granted ?? ZERO) }]
              : []),
          ]}
        />
      </details>
    </figure>
  );
}

/** About four round numbers that enclose both; one alone, where there is nothing. */
function ticks(low: number, high: number): number[] {
  const span = high - low;
  if (span === 0) return [0];
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
  const first = Math.floor(low / size);
  const last = Math.max(Math.ceil(high / size), first + 1);
  return Array.from({ length: last - first + 1 }, (_, place) => (first + place) * size);
}

function useWidth(): [RefObject<HTMLDivElement | null>, number] {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return [frame, width];
}
