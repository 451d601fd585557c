import type { JSX } from "preact";
import { FIRST } from "../data/first";
import { useMonth } from "../data/quantities";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Meter, Overview, Scope } from "../data/shapes";
import { Active } from "../parts/active";
import { Ago } from "../parts/ago";
import { Await, Cut } from "../parts/await";
import { DisabledEndpoints } from "../parts/endpoint_status";
import { FailedCard } from "../parts/failed";
import { Icon } from "../parts/icons";
import { LeastLeft } from "../parts/least_left";
import { Card, Notice, Page } from "../parts/page";
import { RunningLow } from "../parts/running_low";
import { type Column, Named, Table } from "../parts/table";
import { Usage } from "../parts/usage";
import { href } from "../router";
import { figure } from "../text/meters";
import { type Big, exact } from "../text/numbers";
import { t } from "../text/words";
import "./overview.css";

const SHOWN: Scope[] = ["customers:read", "meters:read", "events:read", "customer_meters:read"];
const FRESH_MILLISECONDS = 15_000;
const MOST_METERS = 6;

export function OverviewPage(): JSX.Element {
  const { allows } = useSession();
  const fresh = (scope: Scope) => ({ every: FRESH_MILLISECONDS, skip: !allows(scope) });
  const meters = useRead("/v1/meters/", FIRST.meters, fresh("meters:read"));
  const counts = useRead("/v1/overview", FIRST.overview, { every: FRESH_MILLISECONDS });
  const steps = {
    meter: counts.data?.meters?.gt(0),
    customer: counts.data?.customers?.gt(0),
    event: counts.data?.events?.gt(0),
  };
  const starting = [steps.meter, steps.customer, steps.event].includes(false);
  const lacking = SHOWN.filter((scope) => !allows(scope));
  const failed = [meters, counts].find(({ error }) => error);
  const list = meters.data?.items ?? [];
  return (
    <Page title={t("Overview")}>
      {lacking.length > 0 && (
        <Notice>
          {t("Some of this page is hidden: your token lacks {scopes}.", { scopes: lacking.join(", ") })}
        </Notice>
      )}
      <DisabledEndpoints />
      {starting && <Start {...steps} />}
      <Tiles counts={counts.data} />
      {failed && <Await of={{ ...failed, data: undefined }}>{() => null}</Await>}
      {list.length > 0 && (
        <>
          <Usage title={t("Usage")} meters={list} />
          <Cut shown={list.length} of={meters.data?.pagination.total_count} />
          <div class="columns even">
            <div class="main-column">
              <ByMeter meters={list} />
              {allows("events:read") && allows("customer_meters:read") && <Active />}
            </div>
            <div class="main-column">
              <RunningLow meters={list} />
              {allows("customer_meters:read") && <LeastLeft meters={list} />}
              {allows("events:read") && <FailedCard />}
            </div>
          </div>
        </>
      )}
      {meters.data && list.length === 0 && allows("events:read") && <FailedCard />}
    </Page>
  );
}

/** Counts that the read models have, in one call: it costs the same whatever there is. */
function Tiles({ counts }: { counts: Overview | undefined }): JSX.Element {
  const count = (number: Big | null | undefined): string => (number ? exact(number) : "–");
  const last = counts?.last_event_at;
  return (
    <div class="tiles" aria-busy={counts ? undefined : "true"}>
      <Tile name={t("Events, all time")} value={count(counts?.events)} link={href(["events"])} />
      <Tile name={t("Latest event")} value={last ? <Ago time={last} /> : "–"} link={href(["events"])} />
      <Tile name={t("Customers")} value={count(counts?.customers)} link={href(["customers"])} />
      <Tile name={t("Meters")} value={count(counts?.meters)} link={href(["meters"])} />
    </div>
  );
}

function Tile({
  name,
  value,
  link,
}: {
  name: string;
  value: JSX.Element | string;
  link: string;
}): JSX.Element {
  return (
    <a class="tile" href={link}>
      <span>{name}</span> <strong>{value}</strong>
    </a>
  );
}

interface Steps {
  meter?: boolean;
  customer?: boolean;
  event?: boolean;
}

/** What to do first, until it is done. */
function Start({ meter, customer, event }: Steps): JSX.Element {
  const steps = [
    {
      done: meter,
      text: t("Create a meter"),
      why: t("It says which events count, and how."),
      link: href(["meters", "new"]),
    },
    { done: customer, text: t("Add a customer"), why: t("Whom you count for."), link: href(["customers"]) },
    {
      done: event,
      text: t("Grant credits, and send usage"),
      why: t("Both are events."),
      link: href(["events"]),
    },
  ];
  return (
    <Card title={t("Get started")}>
      <ol class="steps">
        {steps.map(({ done, text, why, link }) => (
          <li key={text} class={done ? "done" : ""}>
            <span class="step-mark">{done && <Icon name="check" />}</span>
            <span>
              <a href={link}>{text}</a>
              <small>{why}</small>
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}

/** What each of the first meters measured today and in 30 days. */
function ByMeter({ meters }: { meters: Meter[] }): JSX.Element {
  const columns: Column<Meter>[] = [
    { name: t("Meter"), show: (meter) => <Named name={meter.name} /> },
    { name: t("Today"), number: true, show: (meter) => <Measured meter={meter} today /> },
    { name: t("30 days"), number: true, show: (meter) => <Measured meter={meter} /> },
  ];
  return (
    <Card
      title={t("By meter")}
      flush
      actions={meters.length > MOST_METERS && <a href={href(["meters"])}>{t("All meters")}</a>}
    >
      <Table
        caption={t("What each meter measured")}
        rows={meters.slice(0, MOST_METERS)}
        keyOf={(meter) => meter.id}
        linkOf={(meter) => href(["meters", meter.id])}
        columns={columns}
      />
    </Card>
  );
}

function Measured({ meter, today }: { meter: Meter; today?: boolean }): JSX.Element {
  const { data } = useMonth(meter.id, undefined, { every: FRESH_MILLISECONDS });
  if (!data) return <>…</>;
  const of = today ? data.quantities.at(-1) : { ...data, quantity: data.total };
  return <>{of && figure(meter, of.used_units ?? of.quantity)}</>;
}
