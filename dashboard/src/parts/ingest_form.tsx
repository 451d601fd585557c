import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { isUnknown } from "../api";
import { digitsProblem, exact, many, typed } from "../numbers";
import { useSession } from "../session";
import type { Customer, EventName, Ingested, List } from "../shapes";
import { useLoad } from "../loading";
import { HERE } from "../times";
import { Button } from "./actions";
import { CustomerField, customerNamed } from "./customer_field";
import { Field, Form, TextField, useSending } from "./forms";
import { Icon } from "./icons";
import { Notice } from "./layout";

interface Entry {
  id: number;
  key: string;
  kind: "number" | "text" | "truth";
  text: string;
}

let entries = 0;
const newEntry = (key = ""): Entry => ({ id: ++entries, key, kind: "number", text: "" });

/** An event made by hand: each form's event counts once, however often it is sent. */
export function IngestForm({ onClose, onDone }: { onClose(): void; onDone(): void }): JSX.Element {
  const { api, allows } = useSession();
  const [name, setName] = useState("");
  const [customer, setCustomer] = useState<Customer>();
  const [who, setWho] = useState("");
  const [metadata, setMetadata] = useState<Entry[]>(() => [newEntry("units")]);
  const [when, setWhen] = useState("");
  const [halfTime, setHalfTime] = useState(false);
  const time = useRef<HTMLInputElement>(null);
  const [externalId, setExternalId] = useState("");
  const [attempt, setAttempt] = useState(newAttempt);
  const [tried, setTried] = useState(false);
  const [done, setDone] = useState<Ingested>();
  const fields = ["name", "customer_id", "external_customer_id", "external_id", "timestamp", "metadata"];
  const sending = useSending(fields.map((field) => `events.0.${field}`));
  const names = useLoad(
    (signal) => api.get<List<EventName>>("v1/events/names", { limit: 100 }, signal),
    [],
    { skip: !allows("events:read") },
  );

  const wrong = {
    name: name.trim() ? "" : "An event has a name.",
    who: who.trim() ? "" : "Whose event is it?",
    metadata: metadata.map(entryProblem).find(Boolean) ?? repeated(metadata),
  };
  const submit = (): void => {
    setTried(true);
    // A time that is filled in by half has no value, and must not be taken for none.
    const half = time.current?.validity.badInput ?? false;
    setHalfTime(half);
    if (half || wrong.name || wrong.who || wrong.metadata) return;
    void sending.send(async () => {
      const known = customer ?? (allows("customers:read") ? await customerNamed(api, who.trim()) : undefined);
      const named = known ? { customer_id: known.id } : { external_customer_id: who.trim() };
      const event = {
        name: name.trim(),
        ...named,
        external_id: externalId.trim() || attempt,
        timestamp: when ? new Date(when).toISOString() : undefined,
        metadata: Object.fromEntries(metadata.filter((one) => one.key.trim()).map((one) => [one.key.trim(), valueOf(one)])),
      };
      setDone(await api.post<Ingested>("v1/events/ingest", { events: [event] }));
      setAttempt(newAttempt());
      setTried(false);
      onDone();
    });
  };
  const edit = <T,>(set: (value: T) => void) => (value: T) => {
    set(value);
    setDone(undefined);
    sending.clear();
  };
  const change = (id: number, part: Partial<Entry>): void =>
    edit(setMetadata)(metadata.map((one) => (one.id === id ? { ...one, ...part } : one)));
  return (
    <Form onSubmit={submit}>
      {sending.problem && (
        <Notice tone="bad">
          {sending.problem}
          {isUnknown(sending.error) && " It is safe to try again: it counts once."}
        </Notice>
      )}
      {done && <Outcome result={done} />}
      <TextField
        label="Name"
        mono
        autoFocus
        value={name}
        maxLength={128}
        placeholder="api_usage"
        options={names.data?.items.map((one) => one.name)}
        onChange={edit(setName)}
        problem={(tried ? wrong.name : "") || sending.at("events", "0", "name")}
      />
      <CustomerField
        label="Customer"
        text={who}
        onText={edit(setWho)}
        onFound={setCustomer}
        hint={
          !allows("customers:read")
            ? "An external id: your token can't look customers up."
            : who.trim()
              ? "Nobody is known by this yet: it is taken as an external id."
              : undefined
        }
        problem={
          (tried ? wrong.who : "") ||
          sending.at("events", "0", "customer_id") ||
          sending.at("events", "0", "external_customer_id")
        }
      />
      <fieldset>
        <legend>Metadata</legend>
        {metadata.map((one) => (
          <div class="clause" key={one.id}>
            <input
              aria-label="Key"
              class="mono"
              placeholder="units"
              value={one.key}
              onInput={(event) => change(one.id, { key: event.currentTarget.value })}
            />
            <select
              aria-label="Kind of value"
              class="kind"
              value={one.kind}
              onChange={(event) => change(one.id, { kind: event.currentTarget.value as Entry["kind"], text: "" })}
            >
              <option value="number">number</option>
              <option value="text">text</option>
              <option value="truth">yes/no</option>
            </select>
            {one.kind === "truth" ? (
              <select aria-label="Value" value={one.text} onChange={(event) => change(one.id, { text: event.currentTarget.value })}>
                <option value="">true</option>
                <option value="false">false</option>
              </select>
            ) : (
              <input
                aria-label="Value"
                placeholder={one.kind === "number" ? "3" : "text"}
                inputMode={one.kind === "number" ? "decimal" : undefined}
                value={one.text}
                aria-invalid={tried && entryProblem(one) ? "true" : undefined}
                onInput={(event) => change(one.id, { text: event.currentTarget.value })}
              />
            )}
            <button
              type="button"
              class="button quiet small"
              aria-label="Remove the entry"
              onClick={() => edit(setMetadata)(metadata.filter((other) => other.id !== one.id))}
            >
              <Icon name="close" />
            </button>
          </div>
        ))}
        {((tried && wrong.metadata) || sending.at("events", "0", "metadata")) && (
          <p class="problem" role="alert">
            {wrong.metadata || sending.at("events", "0", "metadata")}
          </p>
        )}
        <button type="button" class="button small" onClick={() => edit(setMetadata)([...metadata, newEntry()])}>
          <Icon name="plus" /> Entry
        </button>
      </fieldset>
      <Field
        label="Time"
        optional
        hint={`When it happened, in ${HERE}; now, where it is empty.`}
        problem={halfTime ? "Fill in the date and the time, or clear them." : sending.at("events", "0", "timestamp")}
      >
        {(attributes) => (
          <input
            {...attributes}
            ref={time}
            type="datetime-local"
            value={when}
            onInput={(event) => {
              setHalfTime(false);
              edit(setWhen)(event.currentTarget.value);
            }}
          />
        )}
      </Field>
      <TextField
        label="External ID"
        optional
        mono
        value={externalId}
        maxLength={256}
        onChange={edit(setExternalId)}
        hint="An event with an id counts once, for ever. Without one, each event of this form gets its own."
        problem={sending.at("events", "0", "external_id")}
      />
      <div class="form-actions">
        <Button onClick={onClose}>Close</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="events:write">
          Ingest event
        </Button>
      </div>
    </Form>
  );
}

function Outcome({ result }: { result: Ingested }): JSX.Element {
  if (result.inserted.gt(0)) return <Notice tone="good">{many(result.inserted, "event")} counted.</Notice>;
  return (
    <Notice>
      {exact(result.duplicates)} counted before under this id
      {result.conflicts?.length ? ", with another content" : ""}: nothing was added.
    </Notice>
  );
}

function newAttempt(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `dashboard-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function entryProblem({ key, kind, text }: Entry): string {
  if (!key.trim()) return text.trim() ? "A value needs its key." : "";
  if (kind === "number") {
    const number = typed(text);
    return number ? digitsProblem(number) : `“${key.trim()}” is not a number.`;
  }
  return kind === "text" && !text ? `“${key.trim()}” needs a text.` : "";
}

/** A key has one value: of two, one would be lost in silence. */
function repeated(metadata: Entry[]): string {
  const keys = metadata.map(({ key }) => key.trim()).filter(Boolean);
  const again = keys.find((key, place) => keys.indexOf(key) < place);
  return again ? `“${again}” is there twice.` : "";
}

function valueOf({ kind, text }: Entry): unknown {
  if (kind === "number") return typed(text);
  return kind === "truth" ? text !== "false" : text;
}
