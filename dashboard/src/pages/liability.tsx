// What is owed: the credits that customers have left, by meter and day, and what became of them.
import type { JSX } from "preact";
import { together, useQuery, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { CreditDay, Meter, MeterCredits } from "../data/shapes";
import { Await, Cut } from "../parts/await";
import { DateRange } from "../parts/date_range";
import { Card, Empty, Notice, Page } from "../parts/page";
import { CsvButton } from "../parts/pager";
import { type Column, Named, Table } from "../parts/table";
import { amend, href } from "../router";
import { figure, hasCredits, scaled, unitOf } from "../text/meters";
import { type Big, ZERO } from "../text/numbers";
import { type Period, printed } from "../text/ranges";
import { addDays, date, daysBetween, isoDay, knownDay } from "../text/times";
import { t } from "../text/words";

const FRESH_MILLISECONDS = 10_000;
const MOST_METERS = 20;
const MOST_DAYS = 366;
const NO_METERS: Meter[] = [];

interface Row {
  meter: Meter;
  credits: MeterCredits;
}

export function LiabilityPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api, allows } = useSession();
  const today = isoDay(new Date(), "UTC");
  const to = knownDay(query.get("to")) || today;
  const asked = knownDay(query.get("from")) || addDays(to, -29);
  const near = daysBetween(asked, to) >= MOST_DAYS ? addDays(to, 1 - MOST_DAYS) : asked;
  const period = near <= to ? { from: near, to } : { from: to, to: near };
  const lacking = (["meters:read", "credits:read"] as const).find((scope) => !allows(scope));
  const list = useRead("/v1/meters/", { query: { limit: 100 } }, { skip: lacking !== undefined });
  const all = list.data?.items.filter(hasCredits) ?? NO_METERS;
  const meters = all.slice(0, MOST_METERS);
  const others = (list.data?.items.length ?? 0) - all.length;
  const chosen = meters.find(({ id }) => id === query.get("meter")) ?? meters[0];
  const rows = useQuery<Row[]>(
    {
      queryKey: ["liability", period.from, period.to, meters.map(({ id }) => id)],
      queryFn: ({ signal }) =>
        Promise.all(
          meters.map(async (meter) => ({
            meter,
            credits: await api.get<MeterCredits>(`v1/meters/${meter.id}/credits`, within(period), signal),
          })),
        ),
    },
    { skip: !list.data, keep: true, every: FRESH_MILLISECONDS },
  );
  return (
    <Page
      title={t("Liability")}
      below={<span class="nowrap">{t("{period}, days in UTC", { period: printed(period) })}</span>}
      actions={
        <div class="controls">
          <DateRange period={period} set={(changed) => amend({ ...changed })} />
        </div>
      }
    >
      {lacking ? (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: lacking })}</Notice>
      ) : list.data && meters.length === 0 ? (
        <Empty icon="meters" title={t("No meter counts credits")} />
      ) : (
        <Await of={together({ list, rows })} lines={8}>
          {({ rows }) => (
            <>
              <Card title={t("By meter")} flush>
                <Totals rows={rows} />
                <Cut shown={meters.length} of={list.data?.pagination.total_count.minus(others)} />
              </Card>
              {rows
                .filter(({ meter }) => meter.id === chosen?.id)
                .map((row) => (
                  <ByDay key={row.meter.id} row={row} meters={meters} />
                ))}
            </>
          )}
        </Await>
      )}
      <p class="hint">
        {t(
          "Movements appear a moment later. Outstanding credits and overage are counted each night; days that were not counted show none.",
        )}
      </p>
    </Page>
  );
}

const within = ({ from, to }: Period): { start_timestamp: string; end_timestamp: string } => ({
  start_timestamp: `${from}T00:00:00Z`,
  end_timestamp: `${to}T23:59:59Z`,
});

/** The latest day that was counted. */
const counted = ({ items }: MeterCredits): CreditDay | undefined =>
  items.findLast((day) => day.outstanding_units !== null);

function Totals({ rows }: { rows: Row[] }): JSX.Element {
  const owed = (name: string, key: "outstanding_units" | "overage_units"): Column<Row> => ({
    name,
    number: true,
    show: ({ meter, credits }) => shown(meter, counted(credits)?.[key]),
    csv: ({ meter, credits }) => inFile(meter, counted(credits)?.[key]),
  });
  const columns: Column<Row>[] = [
    {
      name: t("Meter"),
      show: ({ meter }) => <Named name={meter.name} below={unitOf(meter) || t("credits")} />,
      csv: ({ meter }) => meter.name,
    },
    owed(t("Outstanding"), "outstanding_units"),
    owed(t("Overage"), "overage_units"),
    ...moved<Row>(
      ({ credits }) => credits,
      ({ meter }) => meter,
    ),
  ];
  return (
    <>
      <Table
        caption={t("What is owed by meter")}
        rows={rows}
        keyOf={({ meter }) => meter.id}
        linkOf={({ meter }) => href(["liability"], { ...rangeOf(), meter: meter.id })}
        columns={columns}
      />
      <p class="pager">
        <CsvButton name={t("liability")} columns={columns} rows={rows} />
      </p>
    </>
  );
}

/** The range that the address has, kept where only the meter changes. */
function rangeOf(): Record<string, string> {
  const { from, to } = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1] ?? ""));
  return { ...(from && { from }), ...(to && { to }) };
}

const shown = (meter: Meter, value: Big | null | undefined): JSX.Element | string =>
  value ? figure(meter, value) : <span class="absent">–</span>;

const inFile = (meter: Meter, value: Big | null | undefined): Big | undefined =>
  value ? scaled(meter, value) : undefined;

type Moved = Pick<CreditDay, "granted_units" | "used_units" | "expired_units" | "refunded_units">;

/** The columns of what moved, of a day or of all. */
function moved<T>(of: (row: T) => Moved, meterOf: (row: T) => Meter): Column<T>[] {
  const names: [string, keyof Moved][] = [
    [t("Granted"), "granted_units"],
    [t("Used"), "used_units"],
    [t("Expired"), "expired_units"],
    [t("Refunded"), "refunded_units"],
  ];
  return names.map(([name, key]) => ({
    name,
    number: true,
    show: (row) => figure(meterOf(row), of(row)[key] ?? ZERO),
    csv: (row) => inFile(meterOf(row), of(row)[key] ?? ZERO),
  }));
}

function ByDay({ row, meters }: { row: Row; meters: Meter[] }): JSX.Element {
  const { meter, credits } = row;
  const columns: Column<CreditDay>[] = [
    {
      name: t("Day"),
      show: (day) => <span class="nowrap">{date(day.timestamp, "UTC")}</span>,
      csv: (day) => day.timestamp.slice(0, 10),
    },
    ...moved<CreditDay>(
      (day) => day,
      () => meter,
    ),
    {
      name: t("Outstanding"),
      number: true,
      show: (day) => shown(meter, day.outstanding_units),
      csv: (day) => inFile(meter, day.outstanding_units),
    },
    {
      name: t("Overage"),
      number: true,
      show: (day) => shown(meter, day.overage_units),
      csv: (day) => inFile(meter, day.overage_units),
    },
  ];
  const days = [...credits.items].reverse();
  return (
    <Card
      flush
      title={t("By day: {meter} ({unit})", { meter: meter.name, unit: unitOf(meter) || t("credits") })}
      actions={
        meters.length > 1 && (
          <select
            aria-label={t("Meter")}
            value={meter.id}
            onChange={(event) => amend({ meter: event.currentTarget.value })}
          >
            {meters.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name}
              </option>
            ))}
          </select>
        )
      }
    >
      <Table
        caption={t("What is owed by day")}
        rows={days}
        keyOf={(day) => day.timestamp}
        columns={columns}
      />
      <p class="pager">
        <CsvButton name={t("liability")} columns={columns} rows={days} />
      </p>
    </Card>
  );
}
