// Where webhooks go: making an endpoint, and changing one.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { changedOnly, useGuard } from "../data/edits";
import { useSession } from "../data/session";
import type { Endpoint, WebhookType } from "../data/shapes";
import { OWN, SHARED, TYPES } from "../text/webhooks";
import { type Message, t } from "../text/words";
import { Button, Copyable } from "./actions";
import { announce } from "./announcements";
import { Conflict } from "./conflict";
import { Done } from "./dialog";
import { Form, TextField, useSending } from "./forms";
import { Notice } from "./page";
import "./token_form.css";

const FIELDS = ["url", "name", "events"];

interface Values {
  url: string;
  name: string;
  events: WebhookType[];
}

interface FieldsProps {
  values: Values;
  set(part: Partial<Values>): void;
  tried: boolean;
  at(field: string): string;
}

const urlProblem = (url: string): string =>
  /^https?:\/\/[^/\s]+/.test(url.trim()) ? "" : t("An address begins with https://.");

function Fields({ values, set, tried, at }: FieldsProps): JSX.Element {
  const { url, name, events } = values;
  const none = tried && events.length === 0 ? t("Choose what it gets.") : "";
  return (
    <>
      <TextField
        label={t("Address")}
        autoFocus
        mono
        value={url}
        placeholder="https://example.com/aureon"
        onChange={(url) => set({ url })}
        problem={(tried ? urlProblem(url) : "") || at("url")}
      />
      <TextField
        label={t("Name")}
        optional
        value={name}
        maxLength={256}
        placeholder={t("Billing service")}
        onChange={(name) => set({ name })}
        problem={at("name")}
      />
      <fieldset>
        <legend>{t("What it gets")}</legend>
        <Types
          title={t("The published SDKs parse these.")}
          types={SHARED}
          chosen={events}
          onChange={(events) => set({ events })}
        />
        <Types
          title={t("The published SDKs refuse these: give them an endpoint of their own.")}
          types={OWN}
          chosen={events}
          onChange={(events) => set({ events })}
        />
        {(none || at("events")) && (
          <p class="problem" role="alert">
            {none || at("events")}
          </p>
        )}
      </fieldset>
    </>
  );
}

interface TypesProps {
  title: string;
  types: Partial<Record<WebhookType, Message>>;
  chosen: WebhookType[];
  onChange(chosen: WebhookType[]): void;
}

function Types({ title, types, chosen, onChange }: TypesProps): JSX.Element {
  return (
    <>
      <p class="hint">{title}</p>
      <div class="scope-list">
        {(Object.entries(types) as [WebhookType, Message][]).map(([type, meaning]) => (
          <label key={type} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(type)}
              onChange={(event) =>
                onChange(
                  TYPES.filter((one) => (one === type ? event.currentTarget.checked : chosen.includes(one))),
                )
              }
            />
            <span>
              <code>{type}</code>
              <small>{t(meaning)}</small>
            </span>
          </label>
        ))}
      </div>
    </>
  );
}

const bodyOf = ({ url, name, events }: Values) => ({ url: url.trim(), name: name.trim() || null, events });

const isComplete = ({ url, events }: Values): boolean => !urlProblem(url) && events.length > 0;

interface FormProps {
  onClose(): void;
}

export function NewEndpoint({ onClose }: FormProps): JSX.Element {
  const { api, refresh } = useSession();
  const { values, set, forget } = useDraft(
    "endpoint/new",
    () => ({ url: "", name: "", events: [] }) as Values,
  );
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<Endpoint>();
  const sending = useSending(FIELDS);
  const close = (): void => {
    forget();
    onClose();
  };
  const submit = (): void => {
    setTried(true);
    if (!isComplete(values)) return;
    void sending.send(async () => {
      setMade(await api.post<Endpoint>("v1/webhooks/endpoints", bodyOf(values)));
      forget();
      void refresh();
    });
  };
  if (made) return <Secret secret={made.secret} onClose={close} />;
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <Fields values={values} set={set} tried={tried} at={sending.at} />
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="webhooks:write">
          {t("Add endpoint")}
        </Button>
      </div>
    </Form>
  );
}

/** The secret that a receiver verifies webhooks with. */
export function Secret({ secret, onClose }: { secret: string; onClose(): void }): JSX.Element {
  return (
    <Done>
      <Notice tone="good">
        {t(
          "Give this secret to the receiver, which uses it to verify that a webhook is yours. The whole text is the key.",
        )}
      </Notice>
      <p class="secret" data-testid="secret">
        <Copyable what={t("secret")} text={secret} />
      </p>
      <div class="form-actions">
        <Button kind="primary" onClick={onClose}>
          {t("Done")}
        </Button>
      </div>
    </Done>
  );
}

export function EditEndpoint({ endpoint, onClose }: FormProps & { endpoint: Endpoint }): JSX.Element {
  const { api, refresh } = useSession();
  const { values, set, forget } = useDraft(`endpoint/${endpoint.id}`, () => ({
    url: endpoint.url,
    name: endpoint.name ?? "",
    events: endpoint.events as WebhookType[],
    opened: endpoint,
  }));
  const { opened } = values;
  const [tried, setTried] = useState(false);
  const sending = useSending(FIELDS);
  const guard = useGuard(opened, () => api.get<Endpoint>(`v1/webhooks/endpoints/${endpoint.id}`));
  const close = (): void => {
    forget();
    onClose();
  };
  const submit = (): void => {
    setTried(true);
    if (!isComplete(values)) return;
    void sending.send(async () => {
      const { url, name, events } = opened;
      const changes = changedOnly<object>({ url, name, events }, bodyOf(values));
      if (Object.keys(changes).length > 0) {
        if (!(await guard.unchanged())) return;
        await api.patch(`v1/webhooks/endpoints/${endpoint.id}`, changes);
      }
      close();
      announce(t("Saved"));
      void refresh();
    });
  };
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      {guard.theirs && (
        <Conflict
          changes={[
            [t("Address"), guard.theirs.url],
            [t("Name"), guard.theirs.name ?? "–"],
            [t("What it gets"), guard.theirs.events.join(", ")],
          ]}
        />
      )}
      <Fields values={values} set={set} tried={tried} at={sending.at} />
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="webhooks:write">
          {t("Save")}
        </Button>
      </div>
    </Form>
  );
}
