// Making a token: what it may do, by a preset or by hand, and the token itself, shown once.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useDraft } from "../data/drafts";
import { useSession } from "../data/session";
import type { NewToken, Scope } from "../data/shapes";
import { typed } from "../text/numbers";
import { DAY, full } from "../text/times";
import { type Message, t } from "../text/words";
import { Button, Copyable } from "./actions";
import { Done } from "./dialog";
import { Form, SelectField, TextField, useSending } from "./forms";
import { Notice } from "./page";
import { isRestrictable, RestrictionFields, restrictionOf } from "./token_restriction";
import "./token_form.css";

const SCOPES = {
  "activity:read": "Read who did what",
  "customers:read": "Read customers and what they have left",
  "customers:write": "Create, change and delete customers",
  "events:read": "Read events and failed messages",
  "events:write": "Add events",
  "meters:read": "Read meters and quantities",
  "meters:write": "Create, change and archive meters",
  "customer_meters:read": "Read balances",
  "customer_meters:write": "Set thresholds of single balances",
  "alerts:read": "Read alerts",
  "credits:read": "Read holds, grants and totals of credits",
  "credits:write": "Spend and hold credits",
  "credits:grant": "Give credits and take them back: grants, refunds, negative events",
  "customer_sessions:write": "Open a customer's own page",
  "organizations:read": "Read the organization's settings",
  "organizations:write": "Change the organization's settings",
  "tokens:read": "List tokens",
  "tokens:write": "Create and revoke tokens",
  "webhooks:read": "Read webhooks and their secrets",
  "webhooks:write": "Create, change and delete endpoints of webhooks",
} as const satisfies Record<Scope, Message>;

const ALL = Object.keys(SCOPES) as Scope[];

/** What tokens are made for most. What your own token lacks is left out. */
const PRESETS: { label: Message; allows(scope: Scope): boolean }[] = [
  { label: "Send events only", allows: (scope) => scope === "events:write" },
  { label: "Read only", allows: (scope) => scope.endsWith(":read") && !scope.startsWith("tokens:") },
  { label: "Everything but tokens", allows: (scope) => !scope.startsWith("tokens:") },
];

const EXPIRIES: { value: string; label: Message }[] = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In a week" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

/** What is wrong with a rate as it is typed: a whole number, or nothing. */
const rateProblem = (text: string): string =>
  text.trim() === "" || (typed(text)?.gte(1) && typed(text)?.mod(1).eq(0)) ? "" : t("A whole number from 1.");

export function TokenForm({ onClose, onDone }: { onClose(): void; onDone(): void }): JSX.Element {
  const { api, access, allows } = useSession();
  const { values, set, forget } = useDraft("token", () => ({
    name: "",
    scopes: [] as Scope[],
    days: access.expires_at ? "1" : "",
    names: "",
    meterIds: [] as string[],
    rate: "",
  }));
  const { name, scopes, days } = values;
  const restrict_to = restrictionOf(values);
  const wrongRate = rateProblem(values.rate);
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<string>();
  const sending = useSending(["name", "scopes", "expires_at", "restrict_to", "requests_per_second"]);
  const submit = (): void => {
    setTried(true);
    if (scopes.length === 0 || wrongRate) return;
    void sending.send(async () => {
      const expires_at = days ? new Date(Date.now() + Number(days) * DAY).toISOString() : null;
      const answer = await api.post<NewToken>("v1/tokens/", {
        name: name.trim(),
        scopes,
        expires_at,
        restrict_to,
        requests_per_second: typed(values.rate),
      });
      setMade(answer.token);
      forget();
      onDone();
    });
  };
  const close = (): void => {
    forget();
    onClose();
  };
  if (made) {
    return (
      <Done>
        <Notice tone="good">{t("The token is ready. Copy it now: it is shown only this once.")}</Notice>
        <p class="secret" data-testid="made-token">
          <Copyable what={t("token")} text={made} />
        </p>
        <div class="form-actions">
          <Button kind="primary" onClick={close}>
            {t("I have copied it")}
          </Button>
        </div>
      </Done>
    );
  }
  const toggle = (scope: Scope, on: boolean): void =>
    set({ scopes: on ? [...scopes, scope] : scopes.filter((one) => one !== scope) });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <TextField
        label={t("Name")}
        optional
        autoFocus
        value={name}
        maxLength={256}
        placeholder={t("Checkout service")}
        onChange={(name) => set({ name })}
        problem={sending.at("name")}
      />
      <fieldset>
        <legend>{t("Scopes")}</legend>
        <div class="segments" role="group" aria-label={t("Presets")}>
          {PRESETS.map((preset) => (
            <button
              type="button"
              key={preset.label}
              onClick={() => set({ scopes: ALL.filter((scope) => preset.allows(scope) && allows(scope)) })}
            >
              {t(preset.label)}
            </button>
          ))}
        </div>
        <div class="scope-list">
          {ALL.map((scope) => (
            <label key={scope} class={`check ${allows(scope) ? "" : "lacking"}`}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                disabled={!allows(scope)}
                onChange={(event) => toggle(scope, event.currentTarget.checked)}
              />
              <span>
                <code>{scope}</code>
                <small>{allows(scope) ? t(SCOPES[scope]) : t("Your own token lacks it.")}</small>
              </span>
            </label>
          ))}
        </div>
        {((tried && scopes.length === 0) || sending.at("scopes")) && (
          <p class="problem" role="alert">
            {sending.at("scopes") || t("Choose what the token may do.")}
          </p>
        )}
      </fieldset>
      {isRestrictable(scopes) && (
        <RestrictionFields values={values} set={set} problem={sending.at("restrict_to")} />
      )}
      <SelectField
        label={t("Expires")}
        value={days}
        onChange={(days) => set({ days })}
        options={EXPIRIES.map(({ value, label }) => ({
          value,
          label: t(label),
          disabled: value === "" && access.expires_at !== null,
        }))}
        hint={
          access.expires_at
            ? t("Not after your own, which expires {time}.", { time: full(access.expires_at) })
            : undefined
        }
        problem={sending.at("expires_at")}
      />
      <TextField
        label={t("Requests a second")}
        optional
        inputMode="decimal"
        value={values.rate}
        hint={t("A maximum; if empty, as many as there is room for.")}
        onChange={(rate) => set({ rate })}
        problem={wrongRate || sending.at("requests_per_second")}
      />
      <div class="form-actions">
        <Button onClick={close}>{t("Cancel")}</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="tokens:write">
          {t("Create token")}
        </Button>
      </div>
    </Form>
  );
}
