import type { JSX } from "preact";
import { useRead } from "../data/query";
import { Copyable } from "../parts/actions";
import { Await } from "../parts/await";
import { Effects, RefundsOf } from "../parts/effects";
import { Whose } from "../parts/event_table";
import { MetadataList } from "../parts/metadata";
import { Card, Page } from "../parts/page";
import { TakeBack } from "../parts/take_back";
import { href } from "../router";
import { writeJson } from "../text/numbers";
import { ago, full } from "../text/times";
import { t } from "../text/words";

export function EventPage({ id }: { id: string }): JSX.Element {
  const found = useRead("/v1/events/{id}", { path: { id } });
  return (
    <Page
      title={found.data?.name ?? t("Event")}
      above={<a href={href(["events"])}>{t("Events")}</a>}
      below={found.data && full(found.data.timestamp)}
      actions={found.data && <TakeBack event={found.data} />}
    >
      <Await of={found}>
        {(event) => (
          <div class="halves">
            <Card title={t("Event")}>
              <dl class="facts">
                <dt>{t("Customer")}</dt>
                <dd>
                  <Whose event={event} />
                </dd>
                <dt>{t("Time")}</dt>
                <dd>
                  {ago(event.timestamp)} <small>{event.timestamp}</small>
                </dd>
                <dt>{t("Source")}</dt>
                <dd>{event.source}</dd>
                <dt>{t("External ID")}</dt>
                <dd>
                  {event.external_id === null ? (
                    "–"
                  ) : (
                    <Copyable what={t("external id")} text={event.external_id} />
                  )}
                </dd>
                <dt>ID</dt>
                <dd>
                  <Copyable what={t("id")} text={event.id} />
                </dd>
                {event.actor && (
                  <>
                    <dt>{t("By")}</dt>
                    <dd>{event.actor.token_name || <code>{event.actor.token_id}</code>}</dd>
                  </>
                )}
                {event.note && (
                  <>
                    <dt>{t("Note")}</dt>
                    <dd>{event.note}</dd>
                  </>
                )}
              </dl>
              <Effects event={event} />
              <RefundsOf event={event} />
            </Card>
            <Card title={t("Metadata")}>
              {Object.keys(event.metadata).length === 0 ? (
                <p class="hint">{t("This event has none.")}</p>
              ) : (
                <MetadataList metadata={event.metadata} />
              )}
              <details>
                <summary>{t("As JSON")}</summary>
                {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too. */}
                <pre tabIndex={0}>{writeJson(event.metadata, 2)}</pre>
              </details>
            </Card>
          </div>
        )}
      </Await>
    </Page>
  );
}
