import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { download } from "../data/csv";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import { Button } from "../parts/actions";
import { announce } from "../parts/announcements";
import { Await } from "../parts/await";
import { Dialog } from "../parts/dialog";
import { asked, EventFilters, NAMES } from "../parts/event_filters";
import { EventForm } from "../parts/event_form";
import { EventTable } from "../parts/event_table";
import { Card, Empty, Page } from "../parts/page";
import { Pager } from "../parts/pager";
import { amend, go, href, pageOf } from "../router";
import { isoDay } from "../text/times";
import { t } from "../text/words";

const PAGE_SIZE = 25;
const LIVE_MILLISECONDS = 4_000;
const NOUN = ["{n} event", "{n} events"] as const;

export function EventsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const [filtering, setFiltering] = useState(false);
  const [cleared, setCleared] = useState(0);
  const terms = Object.fromEntries(query);
  const page = pageOf(query);
  const live = query.get("live") !== "false";
  const adding = query.get("open") === "add";
  const chosen = NAMES.filter((one) => terms[one]).length;
  const found = useRead(
    "/v1/events/",
    { query: { ...asked(terms), page, limit: PAGE_SIZE } },
    { every: live && page === 1 ? LIVE_MILLISECONDS : undefined, keep: true },
  );
  const close = (): void => amend({ open: "" });
  const clear = (): void => {
    go(href(["events"]));
    setCleared(cleared + 1);
  };
  const add = (
    <Button kind="primary" icon="plus" needs="events:write" onClick={() => amend({ open: "add" })}>
      {t("Add event")}
    </Button>
  );
  return (
    <Page
      title={t("Events")}
      actions={
        <>
          <label class="check live">
            <input
              type="checkbox"
              checked={live}
              onChange={(event) => amend({ live: event.currentTarget.checked ? "" : "false" })}
            />
            <span>{t("Live")}</span>
            <span class={`pulse ${live && page === 1 ? "on" : ""}`} aria-hidden="true" />
          </label>
          {add}
        </>
      }
    >
      <Card flush>
        <div class="toolbar filter-bar">
          <button
            type="button"
            class="button filter-toggle"
            aria-expanded={filtering}
            onClick={() => setFiltering(!filtering)}
          >
            {t("Filters")}
            {chosen > 0 && ` (${chosen})`}
          </button>
          {chosen > 0 && (
            <button type="button" class="link" onClick={clear}>
              {t("Clear")}
            </button>
          )}
        </div>
        <div class={`filters ${filtering ? "open" : ""}`}>
          <EventFilters key={cleared} terms={terms} />
        </div>
        <Await of={found} lines={10}>
          {(data) =>
            data.pagination.total_count.eq(0) ? (
              chosen > 0 ? (
                <Empty icon="search" title={t("No event matches")}>
                  {t("Relax the filters, or clear them.")}
                </Empty>
              ) : (
                <Empty icon="events" title={t("No events yet")} action={adding ? undefined : add}>
                  {t("Add one by hand to try things, or send them from your code: Settings has it ready.")}
                </Empty>
              )
            ) : (
              <>
                <EventTable events={data.items} />
                <Pager
                  page={page}
                  pagination={data.pagination}
                  noun={NOUN}
                  complete={data.complete}
                  file={<Export terms={asked(terms)} />}
                />
              </>
            )
          }
        </Await>
      </Card>
      {adding && (
        <Dialog title={t("Add event")} onClose={close}>
          <EventForm onClose={close} />
        </Dialog>
      )}
    </Page>
  );
}

const MOST_PARTS = 20;

/** The events that are chosen as a file, part by part as the API exports them. */
function Export({ terms }: { terms: Record<string, string | undefined> }): JSX.Element {
  const { api } = useSession();
  const [busy, setBusy] = useState(false);
  const save = async (): Promise<void> => {
    if (busy) return;
    setBusy(true);
    try {
      let after: string | undefined;
      const parts: string[] = [];
      do {
        const { text, headers } = await api.text("v1/events/export", { ...terms, format: "csv", after });
        parts.push(text);
        after = headers.get("X-Next-After") ?? undefined;
      } while (after && parts.length < MOST_PARTS);
      download(`${t("events")}-${isoDay(new Date())}.csv`, parts.join(""));
      announce(after ? t("The file has only the first part: aureon export writes all of them") : t("Saved"));
    } catch (error) {
      announce((error as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <button type="button" class="link csv" aria-busy={busy ? "true" : undefined} onClick={() => void save()}>
      {busy ? t("Reading…") : "CSV"}
    </button>
  );
}
