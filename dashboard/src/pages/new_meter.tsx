import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useLoad, useSettled } from "../loading";
import { FUNCTIONS, nameProblem } from "../meters";
import { exact } from "../numbers";
import { Button } from "../parts/actions";
import { announce } from "../parts/announcements";
import { Whose } from "../parts/event_table";
import { type DraftFilter, FilterEditor, newFilter, toFilter } from "../parts/filter_editor";
import { Form, SelectField, TextField, useSending } from "../parts/forms";
import { Icon } from "../parts/icons";
import { Await, Card, Empty, Notice, Page } from "../parts/layout";
import { MetadataLine } from "../parts/metadata";
import { go, href } from "../router";
import { useSession } from "../session";
import type { Aggregation, EventName, Filter, Func, List, Meter, Preview } from "../shapes";
import { ago } from "../times";

const MOST_SHOWN = 12;
const TYPING_MILLISECONDS = 350;
const FRESH_MILLISECONDS = 10_000;

export function NewMeterPage(): JSX.Element {
  const { api, allows } = useSession();
  const [name, setName] = useState("");
  const [draft, setDraft] = useState<DraftFilter>(newFilter);
  const [func, setFunc] = useState<Func>("sum");
  const [property, setProperty] = useState("");
  const [tried, setTried] = useState(false);
  const sending = useSending(["name", "filter", "aggregation"]);
  const names = useLoad(
    (signal) => api.get<List<EventName>>("v1/events/names", { limit: 100 }, signal),
    [],
    { skip: !allows("events:read") },
  );

  const filter = toFilter(draft);
  const aggregation: Aggregation | null =
    func === "count" ? { func } : property.trim() ? { func, property: property.trim() } : null;
  const preview = usePreview(filter, aggregation);
  const seen = preview.data?.items.flatMap((one) => Object.keys(one.event.metadata)) ?? [];
  const properties = [...new Set(seen)];

  const wrong = {
    name: nameProblem(name),
    filter: filter ? "" : "Complete the conditions, with numbers that are whole, or remove those that you don't need.",
    property: aggregation ? "" : "Which property holds the number?",
  };
  const submit = (): void => {
    setTried(true);
    if (wrong.name || !filter || !aggregation) return;
    void sending.send(async () => {
      const meter = await api.post<Meter>("v1/meters/", { name: name.trim(), filter, aggregation });
      announce(`${meter.name} was created`);
      go(href(["meters", meter.id]));
    });
  };
  return (
    <Page title="Create meter" above={<a href={href(["meters"])}>Meters</a>}>
      <div class="halves">
        <Card>
          <Form onSubmit={submit}>
            {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
            <TextField
              label="Name"
              autoFocus
              value={name}
              maxLength={256}
              placeholder="API usage"
              onChange={(value) => {
                setName(value);
                sending.clear();
              }}
              problem={(tried ? wrong.name : "") || sending.at("name")}
            />
            <fieldset>
              <legend>Which events count</legend>
              <FilterEditor
                draft={draft}
                onChange={setDraft}
                properties={["name", "source", "timestamp", ...properties]}
                names={names.data?.items.map((one) => one.name) ?? []}
                strict={tried}
              />
              {((tried && wrong.filter) || sending.at("filter")) && (
                <p class="problem" role="alert">
                  {sending.at("filter") || wrong.filter}
                </p>
              )}
            </fieldset>
            <div class="pair-of-fields">
              <SelectField
                label="How they count"
                value={func}
                onChange={(value) => setFunc(value as Func)}
                options={Object.entries(FUNCTIONS).map(([value, { label }]) => ({ value, label }))}
                hint={FUNCTIONS[func].hint}
              />
              {func !== "count" && (
                <TextField
                  label={func === "unique" ? "Of the values of" : "Of the property"}
                  mono
                  value={property}
                  placeholder={func === "unique" ? "user_id" : "units"}
                  options={properties}
                  onChange={setProperty}
                  problem={(tried ? wrong.property : "") || sending.at("aggregation")}
                />
              )}
            </div>
            <p class="hint">Events from before count too. What a meter counts can't change once it has counted.</p>
            <div class="form-actions">
              <Button onClick={() => go(href(["meters"]))}>Cancel</Button>
              <Button type="submit" kind="primary" busy={sending.busy} needs="meters:write">
                Create meter
              </Button>
            </div>
          </Form>
        </Card>
        <Card title="Preview" flush>
          {!allows("events:read") ? (
            <Notice>A preview shows events: your token lacks the scope events:read.</Notice>
          ) : filter ? (
            <Await of={preview}>{(data) => <Previewed preview={data} aggregated={aggregation !== null} />}</Await>
          ) : (
            <Empty icon="events" title="What would it count?">
              Complete the conditions, and see which of the latest events match.
            </Empty>
          )}
        </Card>
      </div>
    </Page>
  );
}

/** Try the filter on the latest events, with a count until there is an aggregation. */
function usePreview(filter: Filter | null, aggregation: Aggregation | null) {
  const { api, allows } = useSession();
  const draft = filter && { filter, aggregation: aggregation ?? { func: "count" as const } };
  const settled = useSettled(draft, TYPING_MILLISECONDS);
  return useLoad((signal) => api.post<Preview>("v1/meters/preview", settled, signal), [settled], {
    skip: !settled || !allows("events:read"),
    every: FRESH_MILLISECONDS,
  });
}

function Previewed({ preview, aggregated }: { preview: Preview; aggregated: boolean }): JSX.Element {
  if (preview.items.length === 0) {
    return (
      <Empty icon="events" title="There are no events yet">
        Send some, and see here which of them the meter would count.
      </Empty>
    );
  }
  return (
    <>
      <p class="total" role="status">
        <strong>{exact(preview.total)}</strong> {aggregated ? "from" : "events:"} {exact(preview.counted)} of the latest{" "}
        {exact(preview.examined)} events
      </p>
      <ul class="preview">
        {preview.items.slice(0, MOST_SHOWN).map(({ event, matches, counts, value }) => (
          <li key={event.id} class={counts ? "counts" : ""}>
            <span class="verdict">
              <Icon name={counts ? "check" : "minus"} />
              <span class="unseen">{counts ? "counts" : "does not count"}</span>
            </span>
            <span class="what">
              <span class="strong">{event.name}</span> <MetadataLine metadata={event.metadata} />
              <small>
                <Whose event={event} /> · {ago(event.timestamp)}
                {matches && !counts && " · matches, but the property is no number"}
              </small>
            </span>
            <span class="figure">{value === null ? "" : exact(value)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
