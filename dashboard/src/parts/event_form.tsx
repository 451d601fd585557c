import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { isUnknown } from "../data/client";
import { useDraft } from "../data/drafts";
import { metadataOf, metadataProblem, newEntry } from "../data/event_draft";
import { newId } from "../data/grant";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Customer, Ingested } from "../data/shapes";
import { exact } from "../text/numbers";
import { zone } from "../text/settings";
import { instant } from "../text/times";
import { counted, t } from "../text/words";
import { Button } from "./actions";
import { CustomerField, customerNamed } from "./customer_field";
import { Field, Form, TextField, useSending } from "./forms";
import { MetadataField } from "./metadata_field";
import { Notice } from "./page";

const FIELDS = ["name", "customer_id", "external_customer_id", "external_id", "timestamp", "metadata"];

/** An event made by hand: each form's event counts once, however often it is sent. */
export function EventForm({ onClose }: { onClose(): void }): JSX.Element {
  const { api, allows, refresh } = useSession();
  const { values, set, forget } = useDraft("event", () => ({
    name: "",
    who: "",
    metadata: [newEntry("units")],
    when: "",
    externalId: "",
    attempt: newId(),
  }));
  const { name, who, metadata, when, externalId, attempt } = values;
  const [customer, setCustomer] = useState<Customer>();
  const [halfTime, setHalfTime] = useState(false);
  const time = useRef<HTMLInputElement>(null);
  const [tried, setTried] = useState(false);
  const [done, setDone] = useState<Ingested>();
  const sending = useSending(FIELDS.map((field) => `events.0.${field}`));
  const names = useRead("/v1/events/names", { query: { limit: 100 } }, { skip: !allows("events:read") });
  const at = (field: string): string => sending.at("events", "0", field);

  const wrong = {
    name: name.trim() ? "" : t("An event has a name."),
    who: who.trim() ? "" : t("Whose event is it?"),
    metadata: metadataProblem(metadata),
  };
  const submit = (): void => {
    setTried(true);
    // A time that is filled in by half has no value, and must not be taken for none.
    const half = time.current?.validity.badInput ?? false;
    setHalfTime(half);
    if (half || wrong.name || wrong.who || wrong.metadata) return;
    void sending.send(async () => {
      const known = customer ?? (allows("customers:read") ? await customerNamed(api, who.trim()) : undefined);
      const event = {
        name: name.trim(),
        ...(known ? { customer_id: known.id } : { external_customer_id: who.trim() }),
        external_id: externalId.trim() || attempt,
        timestamp: when ? instant(when.slice(0, 10), when.slice(11)).toISOString() : undefined,
        metadata: metadataOf(metadata),
      };
      setDone(await api.post<Ingested>("v1/events/ingest", { events: [event] }));
      set({ attempt: newId() });
      setTried(false);
      void refresh();
    });
  };
  const edit = (part: Partial<typeof values>): void => {
    set(part);
    setDone(undefined);
    sending.clear();
  };
  const close = (): void => {
    forget();
    onClose();
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && (
        <Notice tone="bad">
          {sending.problem}
          {isUnknown(sending.error) && ` ${t("It is safe to try again: it counts once.")}`}
        </Notice>
      )}
      {done && <Outcome result={done} />}
      <TextField
        label={t("Name")}
        mono
        autoFocus
        value={name}
        maxLength={128}
        placeholder="api_usage"
        options={names.data?.items.map((one) => one.name)}
        onChange={(name) => edit({ name })}
        problem={(tried ? wrong.name : "") || at("name")}
      />
      <CustomerField
        label={t("Customer")}
        text={who}
        onText={(who) => edit({ who })}
        onFound={setCustomer}
        hint={
          !allows("customers:read")
            ? t("An external id: your token can't look customers up.")
            : who.trim()
              ? t("No customer has this yet. It is used as an external id.")
              : undefined
        }
        problem={(tried ? wrong.who : "") || at("customer_id") || at("external_customer_id")}
      />
      <MetadataField
        metadata={metadata}
        onChange={(metadata) => edit({ metadata })}
        strict={tried}
        problem={(tried ? wrong.metadata : "") || at("metadata")}
      />
      <Field
        label={t("Time")}
        optional
        hint={t("When it happened, in {zone}. If empty, now.", { zone: zone() })}
        problem={halfTime ? t("Fill in the date and the time, or clear them.") : at("timestamp")}
      >
        {(attributes) => (
          <input
            {...attributes}
            ref={time}
            type="datetime-local"
            value={when}
            onInput={(event) => {
              setHalfTime(false);
              edit({ when: event.currentTarget.value });
            }}
          />
        )}
      </Field>
      <TextField
        label={t("External ID")}
        optional
        mono
        value={externalId}
        maxLength={256}
        onChange={(externalId) => edit({ externalId })}
        hint={t(
          "An event with an id counts once, for ever. Without one, each event from this form gets its own.",
        )}
        problem={at("external_id")}
      />
      <div class="form-actions">
        <Button onClick={close}>{t("Close")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="events:write">
          {t("Add event")}
        </Button>
      </div>
    </Form>
  );
}

/** Where the name of a property begins in the place of a problem: `body.events.0.metadata.units`. */
const METADATA = 4;

function Outcome({ result }: { result: Ingested }): JSX.Element {
  if (result.inserted.gt(0)) {
    return (
      <>
        <Notice tone="good">{counted(result.inserted, "{n} event counted.", "{n} events counted.")}</Notice>
        {result.warnings?.map((warning) => (
          <Notice key={warning.loc.join(".")} tone="bad">
            {t("{property} is text, and a meter counts its numbers: it counted as nothing there.", {
              property: warning.loc.slice(METADATA).join("."),
            })}
          </Notice>
        ))}
      </>
    );
  }
  const values = { n: exact(result.duplicates) };
  return (
    <Notice>
      {result.conflicts?.length
        ? t("{n} counted before under this id, with another content: nothing was added.", values)
        : t("{n} counted before under this id: nothing was added.", values)}
    </Notice>
  );
}
