// What was used over time, and by which property's values.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Api } from "../data/client";
import { Await } from "../parts/await";
import { Bars } from "../parts/chart";
import { groupName, OTHER_SHADE, propertyName } from "../parts/groups";
import { Card } from "../parts/page";
import { useWidth } from "../parts/width";
import { amount, digits, figure, scaled } from "../text/meters";
import { type Big, ZERO } from "../text/numbers";
import type { Interval } from "../text/ranges";
import * as ranges from "../text/ranges";
import { zone } from "../text/settings";
import { date, format } from "../text/times";
import { t } from "../text/words";
import { meterOf } from "./balances";
import { type Balance, type Quantities, useLoaded } from "./data";
import "../parts/chart.css";
import "../parts/groups.css";
import "../parts/table.css";
import "../parts/usage.css";

const SHOWN = ["week", "month", "quarter", "year"] as const;
type Range = (typeof SHOWN)[number];

const measured = (one: { used_units: Big | null }, other: Big): Big => one.used_units ?? other;

export function UsageCard({ api, balance }: { api: Api; balance: Balance }): JSX.Element {
  const [range, setRange] = useState<Range>("month");
  const [by, setBy] = useState("");
  const { interval } = ranges.RANGES[range];
  const period = ranges.periodOf(range, ranges.todayIn(zone()));
  const found = useLoaded<Quantities>(api, `/meters/${encodeURIComponent(balance.id)}/quantities`, {
    ...ranges.bounds(period, zone()),
    interval,
    timezone: zone(),
    group_by: by || undefined,
  });
  const groups = balance.meter.group_by;
  return (
    <Card
      title={t("Usage over time")}
      actions={
        <div class="controls">
          <select
            aria-label={t("Time")}
            value={range}
            onChange={(event) => setRange(event.currentTarget.value as Range)}
          >
            {SHOWN.map((one) => (
              <option key={one} value={one}>
                {t(ranges.RANGES[one].label)}
              </option>
            ))}
          </select>
          {groups.length > 0 && (
            <select
              aria-label={t("Broken down by")}
              value={by}
              onChange={(event) => setBy(event.currentTarget.value)}
            >
              <option value="">{t("All together")}</option>
              {groups.map((name) => (
                <option key={name} value={name}>
                  {t("By {property}", { property: propertyName(name) })}
                </option>
              ))}
            </select>
          )}
        </div>
      }
    >
      <Await of={found} lines={6}>
        {(data) => <Shown data={data} balance={balance} interval={interval} by={by} />}
      </Await>
    </Card>
  );
}

interface ShownProps {
  data: Quantities;
  balance: Balance;
  interval: Interval;
  by: string;
}

function Shown({ data, balance, interval, by }: ShownProps): JSX.Element {
  const [frame, width] = useWidth();
  const meter = meterOf(balance);
  const shown = (one: { used_units: Big | null; quantity: Big }): Big =>
    scaled(meter, measured(one, one.quantity));
  const points = data.quantities.map((one, place) => ({
    timestamp: one.timestamp,
    quantity: shown(one),
    granted: one.granted_units ?? undefined,
    parts: data.groups?.map((group, shade) => {
      const part = group.quantities[place];
      return {
        name: groupName(group),
        shade: group.kind === "other" ? OTHER_SHADE : shade,
        quantity: part ? shown(part) : ZERO,
      };
    }),
  }));
  const total = measured(data, data.total);
  return (
    <>
      <p class="total" data-testid="total">
        <strong>{amount(meter, total)}</strong> {data.used_units ? t("used") : ""}
      </p>
      <div class="plot" ref={frame}>
        {width > 0 && (
          <Bars points={points} interval={interval} zone={zone()} width={width} active={undefined} />
        )}
      </div>
      {data.groups && by && (
        <Table
          caption={t("By {property}", { property: propertyName(by) })}
          head={[propertyName(by), t("Quantity")]}
          rows={data.groups.map((group, place) => [
            <span key="name" class="group-name">
              <span
                class={`shade shade-${group.kind === "other" ? OTHER_SHADE : place}`}
                aria-hidden="true"
              />
              {groupName(group)}
            </span>,
            figure(meter, measured(group, group.total)),
          ])}
        />
      )}
      <details class="figures">
        <summary>{t("Figures")}</summary>
        <Table
          caption={t("Usage over time")}
          head={[t("From"), t("Used")]}
          rows={points
            .filter(({ quantity }) => !quantity.eq(0))
            .reverse()
            .map((point) => [
              interval === "month"
                ? format(point.timestamp, { month: "long", year: "numeric" })
                : date(point.timestamp),
              digits(meter, point.quantity),
            ])}
        />
      </details>
    </>
  );
}

interface TableProps {
  caption: string;
  head: [string, string];
  rows: [JSX.Element | string, string][];
}

function Table({ caption, head, rows }: TableProps): JSX.Element {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls takes the keyboard.
    <section class="table" tabIndex={0} aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{head[0]}</th>
            <th scope="col" class="number">
              {head[1]}
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, value], place) => (
            <tr key={place}>
              <td>{name}</td>
              <td class="number">{value}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
