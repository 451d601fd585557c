import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad } from "../loading";
import { Button } from "../parts/actions";
import { CustomerField } from "../parts/customer_field";
import { EventTable } from "../parts/event_table";
import { SelectField, TextField } from "../parts/forms";
import { Icon } from "../parts/icons";
import { IngestForm } from "../parts/ingest_form";
import { Await, Card, Dialog, Empty, Page } from "../parts/layout";
import { Pager } from "../parts/table";
import { href, read, replace } from "../router";
import { useSession } from "../session";
import type { Customer, Event, EventName, List, Meter } from "../shapes";

const PAGE_SIZE = 25;
const LIVE_MILLISECONDS = 3_000;
/** Past so many, the API says only that there are more. */
const COUNTED = 10_000;

const TIMES = [
  { value: "", label: "Any time" },
  { value: "1", label: "Last hour" },
  { value: "24", label: "Last 24 hours" },
  { value: "168", label: "Last 7 days" },
  { value: "720", label: "Last 30 days" },
  { value: "custom", label: "Between…" },
];

export function EventsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { api, allows } = useSession();
  const [ingesting, setIngesting] = useState(false);
  const [live, setLive] = useState(true);
  const [filtering, setFiltering] = useState(false);
  const [cleared, setCleared] = useState(0);
  const terms = Object.fromEntries(query);
  const page = Number(terms.page ?? 1);
  const show = (changed: Record<string, string | number>): void =>
    replace(href(["events"], { ...Object.fromEntries(read().query), page: "", ...changed }));
  const clear = (): void => {
    replace(href(["events"]));
    setCleared(cleared + 1);
  };
  const found = useLoad(
    (signal) => api.get<List<Event>>("v1/events/", { ...asked(terms), page, limit: PAGE_SIZE }, signal),
    [query.toString()],
    { every: live && page === 1 ? LIVE_MILLISECONDS : undefined },
  );
  const names = useLoad((signal) => api.get<List<EventName>>("v1/events/names", { limit: 100 }, signal), []);
  const meters = useLoad(
    (signal) => api.get<List<Meter>>("v1/meters/", { limit: 100 }, signal),
    [],
    { skip: !allows("meters:read") },
  );
  const chosen = ["name", "meter_id", "customer_id", "external_customer_id", "time"].filter((one) => terms[one]).length;
  const ingest = (
    <Button kind="primary" icon="plus" needs="events:write" onClick={() => setIngesting(true)}>
      Ingest event
    </Button>
  );
  return (
    <Page title="Events" actions={ingest}>
      <Card flush>
        <div class="toolbar">
          <button
            type="button"
            class="button filter-toggle"
            aria-expanded={filtering}
            onClick={() => setFiltering(!filtering)}
          >
            Filters{chosen > 0 && ` (${chosen})`}
          </button>
          {chosen > 0 && (
            <button type="button" class="link" onClick={clear}>
              Clear
            </button>
          )}
          <label class="check live">
            <input type="checkbox" checked={live} onChange={(event) => setLive(event.currentTarget.checked)} />
            <span>Live</span>
            <span class={`pulse ${live && page === 1 ? "on" : ""}`} aria-hidden="true" />
          </label>
        </div>
        <div class={`filters ${filtering ? "open" : ""}`}>
          <TextField
            label="Name"
            value={terms.name ?? ""}
            placeholder="Any name"
            options={names.data?.items.map((one) => one.name)}
            onChange={(name) => show({ name })}
          />
          <CustomerFilter key={cleared} terms={terms} show={show} />
          <SelectField
            label="Counted by meter"
            value={terms.meter_id ?? ""}
            onChange={(meter_id) => show({ meter_id })}
            options={[
              { value: "", label: "Any, or none" },
              ...(meters.data?.items ?? []).map((meter) => ({ value: meter.id, label: meter.name })),
            ]}
          />
          <SelectField label="Time" value={terms.time ?? ""} onChange={(time) => show({ time })} options={TIMES} />
          {terms.time === "custom" && (
            <>
              <TextField label="From" type="datetime-local" value={terms.from ?? ""} onChange={(from) => show({ from })} />
              <TextField label="Before" type="datetime-local" value={terms.to ?? ""} onChange={(to) => show({ to })} />
            </>
          )}
        </div>
        <Await of={found} lines={10}>
          {(data) =>
            data.pagination.total_count.eq(0) ? (
              chosen > 0 ? (
                <Empty icon="search" title="No event matches">
                  Loosen the filters, or clear them.
                </Empty>
              ) : (
                <Empty icon="events" title="No events yet" action={ingesting ? undefined : ingest}>
                  Ingest one by hand to try things, or send them from your code: Settings has it ready.
                </Empty>
              )
            ) : (
              <>
                <EventTable events={data.items} />
                <Pager
                  page={page}
                  pagination={data.pagination}
                  onPage={(page) => show({ page })}
                  what="event"
                  countedTo={COUNTED}
                />
              </>
            )
          }
        </Await>
      </Card>
      {ingesting && (
        <Dialog title="Ingest event" onClose={() => setIngesting(false)}>
          <IngestForm onClose={() => setIngesting(false)} onDone={() => void found.reload()} />
        </Dialog>
      )}
    </Page>
  );
}

/** The page's terms as the API asks for them. */
function asked(terms: Record<string, string>): Record<string, string | undefined> {
  const { name, meter_id, customer_id, external_customer_id, time, from, to } = terms;
  const custom = time === "custom";
  const since = custom ? from : time && new Date(Date.now() - Number(time) * 3_600_000).toISOString();
  return {
    name,
    meter_id,
    customer_id,
    external_customer_id,
    start_timestamp: since ? new Date(since).toISOString() : undefined,
    end_timestamp: custom && to ? new Date(to).toISOString() : undefined,
  };
}

interface CustomerFilterProps {
  terms: Record<string, string>;
  show(changed: Record<string, string>): void;
}

function CustomerFilter({ terms, show }: CustomerFilterProps): JSX.Element {
  const { api, allows } = useSession();
  const [text, setText] = useState(terms.external_customer_id ?? "");
  const id = terms.customer_id;
  const customer = useLoad(
    (signal) => api.get<Customer>(`v1/customers/${encodeURIComponent(id ?? "")}`, {}, signal),
    [id],
    { skip: !id || !allows("customers:read") },
  );
  if (id) {
    const name = customer.data?.name ?? customer.data?.email ?? id;
    return (
      <div class="field">
        <span class="label">Customer</span>
        <span class="chip">
          <span class="clip">{name}</span>
          <button
            type="button"
            class="button quiet small"
            aria-label={`Events of everyone, not only of ${name}`}
            onClick={() => {
              setText("");
              show({ customer_id: "" });
            }}
          >
            <Icon name="close" />
          </button>
        </span>
      </div>
    );
  }
  return (
    <CustomerField
      label="Customer"
      text={text}
      onText={(typed) => {
        setText(typed);
        show({ external_customer_id: typed.trim() });
      }}
      onFound={(found) => {
        if (found) show({ customer_id: found.id, external_customer_id: "" });
      }}
    />
  );
}
