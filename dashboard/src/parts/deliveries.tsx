// What was sent to an endpoint, attempt by attempt: what it answered, and sending it again.
import type { JSX } from "preact";
import { reading, useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Delivery, Endpoint, List } from "../data/shapes";
import { amend, href, pageOf } from "../router";
import { exact, readJson, writeJson } from "../text/numbers";
import { full } from "../text/times";
import { TYPES } from "../text/webhooks";
import { type Message, t } from "../text/words";
import { Button, Copyable } from "./actions";
import { Ago } from "./ago";
import { announce } from "./announcements";
import { Await } from "./await";
import "./deliveries.css";
import { Dialog } from "./dialog";
import { useSending } from "./forms";
import { Card, Empty, Notice } from "./page";
import { CsvButton, Pager } from "./pager";
import { type Column, Table } from "./table";

const PAGE_SIZE = 20;
const FRESH_MILLISECONDS = 5_000;
const NOUN = ["{n} attempt", "{n} attempts"] as const;
const OUTCOMES: [string, Message][] = [
  ["", "All"],
  ["true", "Arrived"],
  ["false", "Failed"],
];

function Status({ delivery }: { delivery: Delivery }): JSX.Element {
  const { succeeded, http_code: code } = delivery;
  return <span class={`badge ${succeeded ? "good" : "bad"}`}>{code ? exact(code) : t("no answer")}</span>;
}

const columns: () => Column<Delivery>[] = () => [
  {
    name: t("Type"),
    show: (one) => (
      <button type="button" class="link nowrap" onClick={() => amend({ delivery: one.id })}>
        {one.webhook_event.type || t("no longer kept")}
      </button>
    ),
    csv: (one) => one.webhook_event.type,
  },
  { name: t("Status"), show: (one) => <Status delivery={one} />, csv: (one) => one.http_code },
  {
    name: t("Answer"),
    show: (one) => <span class="clip">{one.response || "–"}</span>,
    csv: (one) => one.response,
  },
  {
    name: t("Time"),
    number: true,
    show: (one) => <Ago time={one.created_at} />,
    csv: (one) => one.created_at,
  },
];

/** What a file has besides: by it a receiver knows repeats. */
const webhookId: Column<Delivery> = {
  name: "webhook-id",
  show: (one) => one.webhook_event.id,
  csv: (one) => one.webhook_event.id,
};

interface DeliveriesProps {
  endpoint: Endpoint;
  query: URLSearchParams;
}

export function Deliveries({ endpoint, query }: DeliveriesProps): JSX.Element {
  const { api, queries } = useSession();
  const page = pageOf(query);
  const outcome = OUTCOMES.find(([value]) => value === query.get("succeeded"))?.[0] ?? "";
  const type = query.get("type") ?? "";
  const terms = {
    endpoint_id: [endpoint.id],
    ...(outcome ? { succeeded: outcome === "true" } : {}),
    ...(type ? { event_type: [type] } : {}),
  };
  const found = useRead(
    "/v1/webhooks/deliveries",
    { query: { ...terms, page, limit: PAGE_SIZE } },
    { every: FRESH_MILLISECONDS, keep: true },
  );
  const load = (page: number, limit: number): Promise<List<Delivery>> =>
    queries.fetchQuery(reading(api, "/v1/webhooks/deliveries", { query: { ...terms, page, limit } }));
  const opened = found.data?.items.find(({ id }) => id === query.get("delivery"));
  return (
    <Card title={t("Deliveries of 30 days")} flush>
      <div class="toolbar">
        <nav class="segments" aria-label={t("Which deliveries")}>
          {OUTCOMES.map(([value, label]) => (
            <a
              key={value}
              href={href(["webhooks", endpoint.id], { succeeded: value, type })}
              aria-current={value === outcome ? "true" : undefined}
            >
              {t(label)}
            </a>
          ))}
        </nav>
        <select
          aria-label={t("Type")}
          value={type}
          onChange={(event) => amend({ type: event.currentTarget.value, page: "" })}
        >
          <option value="">{t("All types")}</option>
          {TYPES.map((one) => (
            <option key={one} value={one}>
              {one}
            </option>
          ))}
        </select>
      </div>
      <Await of={found}>
        {(data) =>
          data.pagination.total_count.eq(0) ? (
            <Empty icon="webhook" title={t("Nothing was sent")}>
              {t("Every attempt appears here, with its status and the beginning of the answer.")}
            </Empty>
          ) : (
            <>
              <Table
                caption={t("Deliveries, latest first")}
                rows={data.items}
                keyOf={(one) => one.id}
                columns={columns()}
              />
              <Pager
                page={page}
                pagination={data.pagination}
                noun={NOUN}
                file={<CsvButton name={t("deliveries")} columns={[webhookId, ...columns()]} load={load} />}
              />
            </>
          )
        }
      </Await>
      {opened && (
        <Dialog title={opened.webhook_event.type || t("Delivery")} onClose={() => amend({ delivery: "" })}>
          <OneDelivery delivery={opened} />
        </Dialog>
      )}
    </Card>
  );
}

function OneDelivery({ delivery }: { delivery: Delivery }): JSX.Element {
  const { api, refresh } = useSession();
  const sending = useSending([]);
  const { webhook_event: event, response } = delivery;
  const close = (): void => amend({ delivery: "" });
  const resend = (): void =>
    void sending.send(async () => {
      await api.post(`v1/webhooks/events/${event.id}/redeliver`, {});
      announce(t("It is on its way again"));
      close();
      void refresh();
    });
  return (
    <div class="delivery">
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {!delivery.succeeded && event.succeeded && <Notice tone="good">{t("It has arrived since.")}</Notice>}
      <dl class="facts">
        <dt>{t("Status")}</dt>
        <dd>
          <Status delivery={delivery} />
        </dd>
        <dt>{t("Time")}</dt>
        <dd>{full(delivery.created_at)}</dd>
        <dt>webhook-id</dt>
        <dd>
          <Copyable what="webhook-id" text={event.id} />
        </dd>
      </dl>
      <h3>{t("Answer")}</h3>
      <pre>{response || t("It was empty.")}</pre>
      <h3>{t("What was sent")}</h3>
      <pre>{event.payload === null ? t("It is no longer kept.") : shown(event.payload)}</pre>
      <div class="form-actions">
        <Button onClick={close}>{t("Close")}</Button>
        {!event.is_archived && (
          <Button kind="primary" needs="webhooks:write" busy={sending.busy} onClick={resend}>
            {t("Send again")}
          </Button>
        )}
      </div>
    </div>
  );
}

/** A payload over several lines; as it is, where it is no JSON. */
function shown(payload: string): string {
  try {
    return writeJson(readJson(payload), 2);
  } catch {
    return payload;
  }
}
