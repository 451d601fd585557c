// The lines of a statement, by event or by day.
import type { JSX } from "preact";
import type { Meter, Statement, StatementLine } from "../data/shapes";
import { href } from "../router";
import { figure, standing, unitOf } from "../text/meters";
import type { Big } from "../text/numbers";
import { date, full, moment } from "../text/times";
import { type Message, t } from "../text/words";
import { type Column, Named, Table } from "./table";

const KINDS: Record<StatementLine["kind"], Message> = {
  grant: "Granted",
  usage: "Used",
  refund: "Refunded",
  lapse: "Expired",
  void: "Taken back",
};
const CALLS: Record<string, Message> = {
  ingest: "sent by the API",
  queue: "sent by the queue",
  spend: "spent",
  capture: "captured from a hold",
  grant: "granted",
  refund: "refunded",
  void: "taken back",
  boundary: "by its terms",
};

/** What a line does to the credits: `+100`, `−30`. */
const change = (meter: Meter | undefined, units: Big): string =>
  `${units.lt(0) ? "+" : ""}${figure(meter, units.times(-1))}`;

const inUnits = (name: string, meter: Meter | undefined): string =>
  `${name} (${unitOf(meter) || t("credits")})`;

export function Lines({ lines, meter }: { lines: StatementLine[]; meter: Meter | undefined }): JSX.Element {
  const columns: Column<StatementLine>[] = [
    {
      name: t("What"),
      show: (line) => <Named name={t(KINDS[line.kind])} below={line.note ?? line.call.reason ?? line.name} />,
    },
    {
      name: t("Time"),
      show: (line) => (
        <time dateTime={line.timestamp} title={full(line.timestamp)}>
          {moment(line.timestamp)}
        </time>
      ),
    },
    { name: t("By"), show: (line) => <By line={line} /> },
    { name: t("Ids"), show: (line) => <Ids line={line} /> },
    { name: inUnits(t("Change"), meter), number: true, show: (line) => change(meter, line.units) },
    {
      name: inUnits(t("Balance"), meter),
      number: true,
      show: (line) => <span class={line.balance.gt(0) ? "over" : ""}>{standing(line.balance, meter)}</span>,
    },
  ];
  return (
    <Table
      caption={t("Statement")}
      rows={lines}
      keyOf={(line) => line.event_id}
      linkOf={(line) => (line.kind === "lapse" ? undefined : href(["events", line.event_id]))}
      columns={columns}
    />
  );
}

/** Who decided: the token's name; of what was ingested, how it came. */
function By({ line: { call } }: { line: StatementLine }): JSX.Element {
  const name = call.actor && (call.actor.token_name || t("a token without a name"));
  const how = CALLS[call.kind];
  return (
    <>
      {name ?? (how ? t(how) : call.kind)}
      {name && how && <small>{t(how)}</small>}
    </>
  );
}

function Ids({ line }: { line: StatementLine }): JSX.Element {
  const { external_id, call } = line;
  const ids = [...new Set([external_id, call.external_id, call.hold_id, call.grant_id, call.event_id])];
  const known = ids.filter((id) => id !== null && id !== line.event_id);
  if (known.length === 0) return <span class="absent">–</span>;
  return (
    <>
      {known.map((id) => (
        <small key={id}>
          <code>{id}</code>
        </small>
      ))}
    </>
  );
}

type Day = Statement["days"][number];

export function Days({ days, meter }: { days: Day[]; meter: Meter | undefined }): JSX.Element {
  const part = (name: Message, key: keyof Day): Column<Day> => ({
    name: t(name),
    number: true,
    show: (day) => ((day[key] as Big).eq(0) ? <span class="absent">–</span> : change(meter, day[key] as Big)),
  });
  const columns: Column<Day>[] = [
    { name: t("Day"), show: (day) => <span class="nowrap">{date(`${day.date}T12:00:00Z`, "UTC")}</span> },
    part("Granted", "grant_units"),
    part("Used", "usage_units"),
    part("Refunded", "refund_units"),
    part("Expired", "lapse_units"),
    part("Taken back", "void_units"),
    {
      name: inUnits(t("Balance"), meter),
      number: true,
      show: (day) => standing(day.closing_balance, meter),
    },
  ];
  return <Table caption={t("Statement")} rows={days} keyOf={(day) => day.date} columns={columns} />;
}
