import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { HOST } from "../api";
import { SAMPLES } from "../code";
import { useLoad } from "../loading";
import { Button, Copyable } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Form, SelectField, TextField, useSending } from "../parts/forms";
import { Await, Card, Dialog, Done, Empty, Notice, Page } from "../parts/layout";
import { Pager, Table } from "../parts/table";
import { href, replace } from "../router";
import { useSession } from "../session";
import type { List, Token } from "../shapes";
import { setTheme, theme, type Theme } from "../theme";
import { full } from "../times";

const PAGE_SIZE = 20;

export function SettingsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { access } = useSession();
  return (
    <Page title="Settings" below={access.organization_name}>
      <Tokens query={query} />
      <Code />
      <div class="halves">
        <Card title="This session">
          <dl class="facts">
            <dt>Organization</dt>
            <dd>
              <Copyable what="organization id" text={access.organization_id} />
            </dd>
            <dt>API</dt>
            <dd>
              <Copyable what="address" text={HOST} />
            </dd>
            <dt>Token expires</dt>
            <dd>{access.expires_at ? full(access.expires_at) : "never"}</dd>
            <dt>Scopes</dt>
            <dd class="scopes">
              {access.scopes.map((scope) => (
                <code key={scope}>{scope}</code>
              ))}
            </dd>
          </dl>
        </Card>
        <Appearance />
      </div>
    </Page>
  );
}

function Tokens({ query }: { query: URLSearchParams }): JSX.Element {
  const { api, access, allows } = useSession();
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const revoked = query.get("is_revoked") === "true";
  const page = Number(query.get("page") ?? 1);
  const found = useLoad(
    (signal) => api.get<List<Token>>("v1/tokens/", { is_revoked: revoked, page, limit: PAGE_SIZE }, signal),
    [revoked, page],
    { skip: !allows("tokens:read") },
  );
  return (
    <Card
      title="Access tokens"
      flush
      actions={
        <Button kind="primary" icon="plus" needs="tokens:write" onClick={() => setCreating(true)}>
          Create token
        </Button>
      }
    >
      {!allows("tokens:read") ? (
        <Notice>Tokens can't be shown: yours lacks the scope tokens:read.</Notice>
      ) : (
        <>
          <div class="toolbar">
            <nav class="segments" aria-label="Which tokens">
              <a href={href(["settings"])} aria-current={revoked ? undefined : "true"}>
                Active
              </a>
              <a href={href(["settings"], { is_revoked: "true" })} aria-current={revoked ? "true" : undefined}>
                Revoked
              </a>
            </nav>
          </div>
          <Await of={found}>
            {(data) =>
              data.pagination.total_count.eq(0) ? (
                <Empty icon="lock" title={revoked ? "Nothing is revoked" : "There are no tokens"} />
              ) : (
                <>
                  <Table
                    caption="Access tokens"
                    rows={data.items}
                    keyOf={(token) => token.id}
                    columns={[
                      {
                        name: "Name",
                        show: (token) => (
                          <>
                            <span class="strong">{token.name || "unnamed"}</span>
                            {token.id === access.token_id && <span class="badge">this one</span>}
                          </>
                        ),
                      },
                      {
                        name: "Scopes",
                        show: (token) => (
                          <span class="whole" title={token.scopes.join(", ")}>
                            {summary(token.scopes)}
                          </span>
                        ),
                      },
                      { name: "Created", show: (token) => <Ago time={token.created_at} /> },
                      { name: "Expires", show: (token) => <Expiry token={token} /> },
                      {
                        name: revoked ? "Revoked" : "",
                        number: true,
                        show: (token) =>
                          token.revoked_at ? (
                            <Ago time={token.revoked_at} />
                          ) : (
                            <Button
                              kind="quiet"
                              needs="tokens:write"
                              label={`Revoke ${token.name || "unnamed"}`}
                              onClick={() => setRevoking(token)}
                            >
                              Revoke
                            </Button>
                          ),
                      },
                    ]}
                  />
                  <Pager
                    page={page}
                    pagination={data.pagination}
                    onPage={(page) => replace(href(["settings"], { is_revoked: query.get("is_revoked"), page }))}
                    what="token"
                  />
                </>
              )
            }
          </Await>
        </>
      )}
      {creating && (
        <Dialog title="Create token" onClose={() => setCreating(false)}>
          <TokenForm onClose={() => setCreating(false)} onDone={() => void found.reload()} />
        </Dialog>
      )}
      {revoking && (
        <Dialog title="Revoke token" onClose={() => setRevoking(undefined)}>
          <RevokeForm
            token={revoking}
            onCancel={() => setRevoking(undefined)}
            onDone={() => {
              setRevoking(undefined);
              void found.reload();
            }}
          />
        </Dialog>
      )}
    </Card>
  );
}

function summary(scopes: string[]): string {
  return scopes.length <= 2 ? scopes.join(", ") : `${scopes.length} scopes`;
}

function Expiry({ token }: { token: Token }): JSX.Element {
  if (!token.expires_at) return <>never</>;
  const past = Date.parse(token.expires_at) <= Date.now();
  if (!past) return <Ago time={token.expires_at} />;
  return (
    <span class="badge bad" title={full(token.expires_at)}>
      expired
    </span>
  );
}

const KNOWN_SCOPES = [
  ["customers:read", "Read customers and what they have left"],
  ["customers:write", "Create, change and delete customers"],
  ["events:read", "Read events and dead letters"],
  ["events:write", "Ingest events, grants included"],
  ["meters:read", "Read meters and quantities"],
  ["meters:write", "Create, change and archive meters"],
  ["customer_meters:read", "Read balances"],
  ["credits:read", "Read holds"],
  ["credits:write", "Spend and hold credits"],
  ["tokens:read", "List tokens"],
  ["tokens:write", "Create and revoke tokens"],
] as const;

const EXPIRIES = [
  { value: "", label: "Never" },
  { value: "1", label: "In a day" },
  { value: "7", label: "In a week" },
  { value: "30", label: "In 30 days" },
  { value: "90", label: "In 90 days" },
  { value: "365", label: "In a year" },
];

function TokenForm({ onClose, onDone }: { onClose(): void; onDone(): void }): JSX.Element {
  const { api, access, allows } = useSession();
  const [name, setName] = useState("");
  const [scopes, setScopes] = useState<string[]>([]);
  const [days, setDays] = useState(access.expires_at ? "1" : "");
  const [tried, setTried] = useState(false);
  const [made, setMade] = useState<string>();
  const sending = useSending(["name", "scopes", "expires_at"]);
  const submit = (): void => {
    setTried(true);
    if (scopes.length === 0) return;
    void sending.send(async () => {
      const expires_at = days ? new Date(Date.now() + Number(days) * 86_400_000).toISOString() : null;
      const answer = await api.post<Token & { token: string }>("v1/tokens/", { name: name.trim(), scopes, expires_at });
      setMade(answer.token);
      onDone();
    });
  };
  if (made) {
    return (
      <Done>
        <Notice tone="good">The token is ready. Copy it now: it is shown only this once.</Notice>
        <p class="secret" data-testid="made-token">
          <Copyable what="token" text={made} />
        </p>
        <div class="form-actions">
          <Button kind="primary" onClick={onClose}>
            I have copied it
          </Button>
        </div>
      </Done>
    );
  }
  const toggle = (scope: string, on: boolean): void =>
    setScopes((before) => (on ? [...before, scope] : before.filter((one) => one !== scope)));
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <TextField
        label="Name"
        optional
        autoFocus
        value={name}
        maxLength={256}
        placeholder="Checkout service"
        onChange={setName}
        problem={sending.at("name")}
      />
      <fieldset>
        <legend>Scopes</legend>
        <div class="scope-list">
          {KNOWN_SCOPES.map(([scope, text]) => (
            <label key={scope} class={`check ${allows(scope) ? "" : "lacking"}`}>
              <input
                type="checkbox"
                checked={scopes.includes(scope)}
                disabled={!allows(scope)}
                onChange={(event) => toggle(scope, event.currentTarget.checked)}
              />
              <span>
                <code>{scope}</code>
                <small>{allows(scope) ? text : "Your own token lacks it."}</small>
              </span>
            </label>
          ))}
        </div>
        {((tried && scopes.length === 0) || sending.at("scopes")) && (
          <p class="problem" role="alert">
            {sending.at("scopes") || "Choose what the token may do."}
          </p>
        )}
      </fieldset>
      <SelectField
        label="Expires"
        value={days}
        onChange={setDays}
        options={EXPIRIES.map((one) => ({ ...one, disabled: one.value === "" && access.expires_at !== null }))}
        hint={access.expires_at ? `Not after your own, which expires ${full(access.expires_at)}.` : undefined}
        problem={sending.at("expires_at")}
      />
      <div class="form-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" kind="primary" busy={sending.busy} needs="tokens:write">
          Create token
        </Button>
      </div>
    </Form>
  );
}

interface RevokeProps {
  token: Token;
  onCancel(): void;
  onDone(): void;
}

function RevokeForm({ token, onCancel, onDone }: RevokeProps): JSX.Element {
  const { api, access } = useSession();
  const sending = useSending([]);
  const submit = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/tokens/${token.id}`);
      announce("The token is revoked");
      onDone();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        <strong>{token.name || "This unnamed token"}</strong> stops working within a minute, and can't be brought back.
      </p>
      {token.id === access.token_id && (
        <Notice tone="bad">You are signed in with this token: revoking it signs you out.</Notice>
      )}
      <div class="form-actions">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="tokens:write">
          Revoke token
        </Button>
      </div>
    </Form>
  );
}

function Code(): JSX.Element {
  const [name, setName] = useState("curl");
  const sample = SAMPLES.find((one) => one.name === name) ?? SAMPLES[0]!;
  return (
    <Card title="Get started">
      <p class="hint">
        Send usage of the customer whose external id is <code>user_123</code>, and read what is left. Put a token that
        may do both into the environment as <code>AUREON_ACCESS_TOKEN</code>. All else that can be called is in the{" "}
        <a href={`${HOST}/docs`}>API reference</a>.
      </p>
      <div class="segments" role="group" aria-label="Language">
        {SAMPLES.map((one) => (
          <button type="button" key={one.name} aria-pressed={one.name === name} onClick={() => setName(one.name)}>
            {one.name}
          </button>
        ))}
      </div>
      {sample.install && (
        <p>
          <Copyable what="command" text={sample.install} />
        </p>
      )}
      <pre tabIndex={0} aria-label={`Code in ${sample.name}`} data-testid="code">
        {sample.code}
      </pre>
    </Card>
  );
}

function Appearance(): JSX.Element {
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <Card title="Appearance">
      <div class="segments" role="group" aria-label="Theme">
        {(["system", "light", "dark"] as const).map((one) => (
          <button
            type="button"
            key={one}
            aria-pressed={one === chosen}
            onClick={() => {
              setTheme(one);
              setChosen(one);
            }}
          >
            {one === "system" ? "As the system" : one === "light" ? "Light" : "Dark"}
          </button>
        ))}
      </div>
      <p class="hint">Kept in this browser.</p>
    </Card>
  );
}
