// Why the balance is what it is: each thing that changed it, and all of it as a file.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Api, Refused } from "../data/client";
import { download } from "../data/csv";
import type { Meter } from "../data/shapes";
import { Await } from "../parts/await";
import { Card, Notice } from "../parts/page";
import { figure, hasCredits } from "../text/meters";
import type { Big } from "../text/numbers";
import * as ranges from "../text/ranges";
import { zone } from "../text/settings";
import { moment } from "../text/times";
import { type Message, t } from "../text/words";
import { meterOf } from "./balances";
import { type Balance, type Line, PORTAL, type Statement, useLoaded } from "./data";
import "../parts/table.css";
import "../parts/usage.css";

const SHOWN = ["week", "month", "quarter", "year"] as const;
type Range = (typeof SHOWN)[number];
const LINES = 50;
const MOST_LINES = 1000;

const KINDS: Record<Line["kind"], Message> = {
  grant: "Granted",
  usage: "Used",
  refund: "Given back",
  lapse: "Expired",
  void: "Taken back",
};

/** What a change adds to what is left: credits are below 0 in a balance. */
const signed = (meter: Meter, units: Big): string => `${units.lt(0) ? "+" : ""}${figure(meter, units.neg())}`;

export function StatementCard({ api, balance }: { api: Api; balance: Balance }): JSX.Element | null {
  const [range, setRange] = useState<Range>("month");
  const [more, setMore] = useState<Statement[]>([]);
  const [failed, setFailed] = useState("");
  const [busy, setBusy] = useState(false);
  const { start_timestamp: start, end_timestamp: end } = ranges.bounds(
    ranges.periodOf(range, ranges.todayIn(zone())),
    zone(),
  );
  const asked = { start, end };
  const path = `/meters/${encodeURIComponent(balance.id)}/statement`;
  const found = useLoaded<Statement>(api, path, { ...asked, limit: LINES });
  if (!hasCredits(meterOf(balance))) return null;
  const pages = found.data ? [found.data, ...more] : [];
  const next = pages.at(-1)?.next;
  const during = async (work: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setFailed("");
    try {
      await work();
    } catch (error) {
      setFailed(error instanceof Refused || error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const readMore = async (): Promise<void> => {
    const page = await api.get<Statement>(`${PORTAL}${path}`, { limit: LINES, after: next ?? "" });
    setMore([...more, page]);
  };
  const save = async (): Promise<void> => {
    let text = "";
    let after: string | null = "";
    while (after !== null) {
      const query = after ? { after } : asked;
      const part = await api.text(`${PORTAL}${path}`, { ...query, format: "csv", limit: MOST_LINES });
      text += part.text;
      after = part.headers.get("X-Next-After");
    }
    download(`${balance.meter.name}.csv`, text);
  };
  return (
    <Card
      title={t("Statement")}
      actions={
        <div class="controls">
          <select
            aria-label={t("Time of the statement")}
            value={range}
            disabled={busy}
            onChange={(event) => {
              setMore([]);
              setRange(event.currentTarget.value as Range);
            }}
          >
            {SHOWN.map((one) => (
              <option key={one} value={one}>
                {t(ranges.RANGES[one].label)}
              </option>
            ))}
          </select>
          <button type="button" class="button small" disabled={busy} onClick={() => during(save)}>
            {t("Download CSV")}
          </button>
        </div>
      }
    >
      {failed && <Notice tone="bad">{failed}</Notice>}
      <Await of={found}>
        {(statement) => (
          <>
            <Sums statement={statement} balance={balance} />
            <Lines lines={pages.flatMap(({ lines }) => lines)} meter={meterOf(balance)} />
            {next && (
              <button
                type="button"
                class="button small more"
                disabled={busy || found.stale}
                onClick={() => during(readMore)}
              >
                {t("Show more")}
              </button>
            )}
          </>
        )}
      </Await>
    </Card>
  );
}

function Sums({ statement, balance }: { statement: Statement; balance: Balance }): JSX.Element {
  const meter = meterOf(balance);
  const parts: [Message, Big][] = [
    ["Granted", statement.grant_units],
    ["Used", statement.usage_units],
    ["Given back", statement.refund_units],
    ["Expired", statement.lapse_units],
    ["Taken back", statement.void_units],
  ];
  const figures: [Message, string][] = [
    ["Left before", figure(meter, statement.opening_balance.neg())],
    ...parts
      .filter(([, units]) => !units.eq(0))
      .map(([name, units]): [Message, string] => [name, signed(meter, units)]),
    ["Left after", figure(meter, statement.closing_balance.neg())],
  ];
  return (
    <dl class="sums" data-testid="sums">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{t(name)}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Lines({ lines, meter }: { lines: Line[]; meter: Meter }): JSX.Element {
  if (lines.length === 0) return <p class="hint">{t("Nothing in this time")}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls takes the keyboard.
    <section class="table" tabIndex={0} aria-label={t("Statement")}>
      <table>
        <caption class="unseen">{t("Statement")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("What happened")}</th>
            <th scope="col" class="number">
              {t("Change")}
            </th>
            <th scope="col" class="number">
              {t("Left")}
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={line.event_id}>
              <td>
                {t(KINDS[line.kind])}
                <small>
                  {line.name} · <time dateTime={line.timestamp}>{moment(line.timestamp)}</time>
                </small>
              </td>
              <td class="number">{signed(meter, line.units)}</td>
              <td class="number">{figure(meter, line.balance.neg())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
