import type { JSX } from "preact";
import { useLoad } from "../loading";
import { writeJson } from "../numbers";
import { Copyable } from "../parts/actions";
import { Whose } from "../parts/event_table";
import { Await, Card, Page } from "../parts/layout";
import { MetadataList } from "../parts/metadata";
import { href } from "../router";
import { useSession } from "../session";
import type { Event } from "../shapes";
import { ago, full } from "../times";

export function EventPage({ id }: { id: string }): JSX.Element {
  const { api } = useSession();
  const found = useLoad((signal) => api.get<Event>(`v1/events/${encodeURIComponent(id)}`, {}, signal), [id]);
  return (
    <Page
      title={found.data?.name ?? "Event"}
      above={<a href={href(["events"])}>Events</a>}
      below={found.data && full(found.data.timestamp)}
    >
      <Await of={found}>
        {(event) => (
          <div class="halves">
            <Card title="Event">
              <dl class="facts">
                <dt>Customer</dt>
                <dd>
                  <Whose event={event} />
                </dd>
                <dt>Time</dt>
                <dd>
                  {ago(event.timestamp)} <small>{event.timestamp}</small>
                </dd>
                <dt>Source</dt>
                <dd>{event.source}</dd>
                <dt>External ID</dt>
                <dd>{event.external_id === null ? "–" : <Copyable what="external id" text={event.external_id} />}</dd>
                <dt>ID</dt>
                <dd>
                  <Copyable what="id" text={event.id} />
                </dd>
              </dl>
            </Card>
            <Card title="Metadata">
              {Object.keys(event.metadata).length === 0 ? (
                <p class="hint">This event has none.</p>
              ) : (
                <MetadataList metadata={event.metadata} />
              )}
              <details>
                <summary>As JSON</summary>
                <pre tabIndex={0}>{writeJson(event.metadata, 2)}</pre>
              </details>
            </Card>
          </div>
        )}
      </Await>
    </Page>
  );
}
