// Quantities over time, as bars. Only heights are floats: every figure that is shown is exact.
import type { JSX, TargetedPointerEvent } from "preact";
import { useState } from "preact/hooks";
import { type Big, exact, short, ticks } from "../text/numbers";
import { BY, type Interval } from "../text/ranges";
import { format } from "../text/times";
import { t } from "../text/words";
import "./chart.css";
import { Figures } from "./chart_figures";
import { useWidth } from "./width";

/**
 * `granted` is marked below the line: what is granted at once would dwarf what is used. `before` is
 * the quantity at the same place of the period before.
 */
export interface Point {
  timestamp: string;
  quantity: Big;
  granted?: Big;
  before?: Big;
  /** What it is made of, from the line upwards: each in its own shade. */
  parts?: Part[];
}

export interface Part {
  name: string;
  quantity: Big;
  shade: number;
}

interface ChartProps {
  label: string;
  points: Point[];
  interval: Interval;
  zone: string;
  /** A figure as its meter shows it. */
  show?(value: Big): string;
}

const HEIGHT = 220;
const TOP = 12;
const BOTTOM = 32;
const LEFT = 48;
const RIGHT = 4;
const WIDEST_BAR = 36;
const LABEL_WIDTH = 84;

const SHORT: Record<Interval, Intl.DateTimeFormatOptions> = {
  hour: { hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
  week: { day: "numeric", month: "short" },
  month: { month: "short", year: "numeric" },
  year: { year: "numeric" },
};
const LONG: Record<Interval, Intl.DateTimeFormatOptions> = {
  hour: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  week: { day: "numeric", month: "short", year: "numeric" },
  month: { month: "long", year: "numeric" },
  year: { year: "numeric" },
};

export function Chart({ label, points, interval, zone, show = exact }: ChartProps): JSX.Element {
  const [frame, width] = useWidth();
  const [active, setActive] = useState<number>();
  const at = active === undefined ? undefined : points[active];
  const name = (point: Point): string => {
    const text = format(point.timestamp, LONG[interval], zone);
    return interval === "week" ? t("Week of {day}", { day: text }) : text;
  };
  const move = (by: number): void =>
    setActive((before) =>
      Math.min(points.length - 1, Math.max(0, (before ?? (by > 0 ? -1 : points.length)) + by)),
    );
  const step = (width - LEFT - RIGHT) / Math.max(points.length, 1);
  const point = (event: TargetedPointerEvent<HTMLElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = Math.floor((event.clientX - box.left - LEFT) / step);
    setActive(place >= 0 && place < points.length ? place : undefined);
  };
  // So far from the left, and so much of itself back: within the plot, however long its figures are.
  const share = `${(100 * (LEFT + step * ((active ?? 0) + 0.5))) / width}%`;
  const title = `${label} ${t(BY[interval])}`;
  return (
    <figure class="chart">
      <div
        ref={frame}
        class="plot"
        role="group"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys read the values.
        tabIndex={0}
        aria-label={t("{title}. Arrow keys read the values.", { title })}
        onKeyDown={(event) => {
          if (event.key === "ArrowRight") move(1);
          else if (event.key === "ArrowLeft") move(-1);
          else if (event.key === "Escape") setActive(undefined);
          else return;
          event.preventDefault();
        }}
        onPointerDown={point}
        onPointerMove={point}
        // What a finger has tapped stays until it taps elsewhere.
        onPointerLeave={(event) => event.pointerType === "mouse" && setActive(undefined)}
        onBlur={() => setActive(undefined)}
      >
        {width > 0 && <Bars points={points} interval={interval} zone={zone} width={width} active={active} />}
        {at && (
          <div class="tip" style={{ left: share, transform: `translateX(-${share})` }} role="status">
            <strong>{show(at.quantity)}</strong>
            {at.parts
              ?.filter((part) => !part.quantity.eq(0))
              .map((part) => (
                <span key={part.shade}>
                  <Shade of={part.shade} /> {part.name}: {show(part.quantity)}
                </span>
              ))}
            {at.granted?.gt(0) && <span>{t("{n} granted", { n: show(at.granted) })}</span>}
            {at.before && <span>{t("{n} in the period before", { n: show(at.before) })}</span>}
            <span>{name(at)}</span>
          </div>
        )}
      </div>
      <Figures title={title} label={label} points={points} name={name} show={show} />
    </figure>
  );
}

interface Piece {
  from: number;
  to: number;
  shade?: number;
}

/** The pieces of a bar: what is above 0 upwards, what is below it downwards, one without parts. */
function stacked({ quantity, parts }: Point): Piece[] {
  if (!parts) return [{ from: 0, to: quantity.toNumber() }];
  let above = 0;
  let below = 0;
  return parts.map((part) => {
    const size = part.quantity.toNumber();
    const from = size < 0 ? below : above;
    const to = from + size;
    if (size < 0) below = to;
    else above = to;
    return { from, to, shade: part.shade };
  });
}

/** The colour of a part, wherever it is named. */
export function Shade({ of }: { of: number }): JSX.Element {
  return <span class={`shade shade-${of}`} aria-hidden="true" />;
}

interface BarsProps extends Omit<ChartProps, "label" | "show"> {
  width: number;
  active: number | undefined;
}

/** The bars alone; what they show is to be said beside them. */
export function Bars({ points, interval, zone, width, active }: BarsProps): JSX.Element {
  const values = points.map((point) => point.quantity.toNumber());
  const befores = points.map((point) => point.before?.toNumber() ?? 0);
  const ends = points.flatMap((point) => stacked(point).map(({ to }) => to));
  const marks = ticks(Math.min(0, ...ends, ...befores), Math.max(0, ...ends, ...befores));
  const low = marks[0] ?? 0;
  const high = marks.at(-1) || 1;
  const y = (value: number): number => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const step = (width - LEFT - RIGHT) / Math.max(points.length, 1);
  const bar = Math.min(WIDEST_BAR, Math.max(1, step * 0.72));
  const centre = (place: number): number => LEFT + step * (place + 0.5);
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  return (
    <svg width={width} height={HEIGHT} aria-hidden="true">
      {marks.map((mark) => (
        <g key={mark}>
          <line class={mark === 0 ? "zero" : "rule"} x1={LEFT} x2={width - RIGHT} y1={y(mark)} y2={y(mark)} />
          <text class="tick" x={LEFT - 8} y={y(mark)} dy="0.32em" text-anchor="end">
            {short(mark)}
          </text>
        </g>
      ))}
      {points.map((point, place) => {
        const value = values[place] ?? 0;
        const before = befores[place] ?? 0;
        return (
          <g key={point.timestamp}>
            {stacked(point).map(({ from, to, shade }) => (
              <rect
                key={shade}
                class={
                  shade === undefined
                    ? `${value < 0 ? "negative" : "positive"} ${place === active ? "active" : ""}`
                    : `shade-${shade}`
                }
                x={centre(place) - bar / 2}
                width={bar}
                y={Math.min(y(from), y(to))}
                height={from === to ? 0 : Math.max(1, Math.abs(y(from) - y(to)))}
                rx={shade === undefined ? Math.min(3, bar / 4) : 0}
              />
            ))}
            {before !== 0 && (
              <path class="before" d={`M${centre(place) - bar / 2 - 1} ${y(before)}h${bar + 2}`} />
            )}
            {point.granted?.gt(0) && <path class="grant" d={`M${centre(place)} ${y(low) + 2}l4 6h-8z`} />}
            {place % every === 0 && (
              <text
                class="tick"
                x={Math.min(Math.max(centre(place), LEFT + 12), width - 30)}
                y={HEIGHT - 8}
                text-anchor="middle"
              >
                {format(point.timestamp, SHORT[interval], zone)}
              </text>
            )}
          </g>
        );
      })}
      {!values.some(Boolean) && (
        <text class="tick" x={(LEFT + width) / 2} y={HEIGHT / 2} text-anchor="middle">
          {t("Nothing in this time")}
        </text>
      )}
    </svg>
  );
}
