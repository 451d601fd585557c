// What a meter would make of the latest events, while it is written.
import type { JSX } from "preact";
import { useQuery, useSettled } from "../data/query";
import { useSession } from "../data/session";
import type { Aggregation, Filter, Preview } from "../data/shapes";
import { exact } from "../text/numbers";
import { ago } from "../text/times";
import { t } from "../text/words";
import { Whose } from "./event_table";
import { Figure } from "./figure";
import { Icon } from "./icons";
import { MetadataLine } from "./metadata";
import "./meter_preview.css";
import { Empty } from "./page";

const MOST_SHOWN = 12;
const TYPING_MILLISECONDS = 350;
const FRESH_MILLISECONDS = 10_000;

/** Try the filter on the latest events, with a count until there is an aggregation. */
export function usePreview(filter: Filter | null, aggregation: Aggregation | null) {
  const { api, allows } = useSession();
  const draft = filter && { filter, aggregation: aggregation ?? { func: "count" as const } };
  const settled = useSettled(draft, TYPING_MILLISECONDS);
  const found = useQuery(
    {
      queryKey: ["preview", settled],
      queryFn: ({ signal }) => api.post<Preview>("v1/meters/preview", settled, signal),
    },
    { skip: !settled || !allows("events:read"), every: FRESH_MILLISECONDS, keep: true },
  );
  // While something is typed, what is shown is of what was there before.
  return { ...found, stale: found.stale || JSON.stringify(draft) !== JSON.stringify(settled) };
}

export function Previewed({ preview, aggregated }: { preview: Preview; aggregated: boolean }): JSX.Element {
  if (preview.items.length === 0) {
    return (
      <Empty icon="events" title={t("There are no events yet")}>
        {t("Send some, and see which of them the meter would count.")}
      </Empty>
    );
  }
  const values = { counted: exact(preview.counted), examined: exact(preview.examined) };
  return (
    <>
      <p class="total" role="status">
        <Figure text={exact(preview.total)} />{" "}
        <span>
          {aggregated
            ? t("from {counted} of the latest {examined} events", values)
            : t("events: {counted} of the latest {examined}", values)}
        </span>
      </p>
      <ul class="preview">
        {preview.items.slice(0, MOST_SHOWN).map(({ event, matches, counts, value }) => (
          <li key={event.id} class={counts ? "counts" : ""}>
            <span class="verdict">
              <Icon name={counts ? "check" : "minus"} />
              <span class="unseen">{counts ? t("counts") : t("does not count")}</span>
            </span>
            <span class="what">
              <span class="strong">{event.name}</span> <MetadataLine metadata={event.metadata} />
              <small>
                <Whose event={event} /> · {ago(event.timestamp)}
                {matches && !counts && ` · ${t("matches, but the property is not a number")}`}
              </small>
            </span>
            <span class="figure">{value === null ? "" : exact(value)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
