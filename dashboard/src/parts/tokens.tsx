// Access tokens: listed, made and revoked.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Token } from "../data/shapes";
import { amend, href, pageOf } from "../router";
import { exact } from "../text/numbers";
import { full } from "../text/times";
import { t } from "../text/words";
import { Button } from "./actions";
import { Ago } from "./ago";
import { announce } from "./announcements";
import { Await } from "./await";
import { Dialog } from "./dialog";
import { Form, useSending } from "./forms";
import { Card, Empty, Notice } from "./page";
import { Pager } from "./pager";
import { Table } from "./table";
import { TokenForm } from "./token_form";
import { Restricted } from "./token_restriction";

const PAGE_SIZE = 20;
const NOUN = ["{n} token", "{n} tokens"] as const;

export function Tokens({ query }: { query: URLSearchParams }): JSX.Element {
  const { access, allows, refresh } = useSession();
  const [revoking, setRevoking] = useState<Token>();
  const revoked = query.get("is_revoked") === "true";
  const page = pageOf(query);
  const creating = query.get("open") === "token";
  const close = (): void => amend({ open: "" });
  const found = useRead(
    "/v1/tokens/",
    { query: { is_revoked: revoked, page, limit: PAGE_SIZE } },
    { skip: !allows("tokens:read"), keep: true },
  );
  return (
    <Card
      title={t("Access tokens")}
      flush
      actions={
        <Button kind="primary" icon="plus" needs="tokens:write" onClick={() => amend({ open: "token" })}>
          {t("Create token")}
        </Button>
      }
    >
      {!allows("tokens:read") ? (
        <Notice>{t("Your token lacks the scope {scope}.", { scope: "tokens:read" })}</Notice>
      ) : (
        <>
          <div class="toolbar">
            <nav class="segments" aria-label={t("Which tokens")}>
              <a href={href(["settings"])} aria-current={revoked ? undefined : "true"}>
                {t("Active")}
              </a>
              <a
                href={href(["settings"], { is_revoked: "true" })}
                aria-current={revoked ? "true" : undefined}
              >
                {t("Revoked")}
              </a>
            </nav>
          </div>
          <Await of={found}>
            {(data) =>
              data.pagination.total_count.eq(0) ? (
                <Empty icon="lock" title={revoked ? t("Nothing is revoked") : t("There are no tokens")} />
              ) : (
                <>
                  <Table
                    caption={t("Access tokens")}
                    rows={data.items}
                    keyOf={(token) => token.id}
                    columns={[
                      {
                        name: t("Name"),
                        show: (token) => (
                          <>
                            <span class="strong">{token.name || t("unnamed")}</span>
                            {token.id === access.token_id && <span class="badge">{t("this one")}</span>}
                          </>
                        ),
                      },
                      {
                        name: t("Scopes"),
                        show: (token) => (
                          <>
                            <span class="whole" title={token.scopes.join(", ")}>
                              {summary(token.scopes)}
                            </span>
                            <Restricted token={token} />
                            {token.requests_per_second && (
                              <small>
                                {t("at most {n} requests a second", { n: exact(token.requests_per_second) })}
                              </small>
                            )}
                          </>
                        ),
                      },
                      { name: t("Created"), show: (token) => <Ago time={token.created_at} /> },
                      { name: t("Expires"), show: (token) => <Expiry token={token} /> },
                      {
                        name: revoked ? t("Revoked") : "",
                        number: true,
                        show: (token) =>
                          token.revoked_at ? (
                            <Ago time={token.revoked_at} />
                          ) : (
                            <Button
                              kind="quiet"
                              needs="tokens:write"
                              label={t("Revoke {name}", { name: token.name || t("unnamed") })}
                              onClick={() => setRevoking(token)}
                            >
                              {t("Revoke")}
                            </Button>
                          ),
                      },
                    ]}
                  />
                  <Pager page={page} pagination={data.pagination} noun={NOUN} />
                </>
              )
            }
          </Await>
        </>
      )}
      {creating && (
        <Dialog title={t("Create token")} onClose={close}>
          <TokenForm onClose={close} onDone={() => void refresh()} />
        </Dialog>
      )}
      {revoking && (
        <Dialog title={t("Revoke token")} onClose={() => setRevoking(undefined)}>
          <RevokeToken
            token={revoking}
            onCancel={() => setRevoking(undefined)}
            onDone={() => {
              setRevoking(undefined);
              void refresh();
            }}
          />
        </Dialog>
      )}
    </Card>
  );
}

function summary(scopes: string[]): string {
  return scopes.length <= 2 ? scopes.join(", ") : t("{n} scopes", { n: scopes.length });
}

function Expiry({ token }: { token: Token }): JSX.Element {
  if (!token.expires_at) return <>{t("never")}</>;
  const past = Date.parse(token.expires_at) <= Date.now();
  if (!past) return <Ago time={token.expires_at} />;
  return (
    <span class="badge bad" title={full(token.expires_at)}>
      {t("expired")}
    </span>
  );
}

interface RevokeProps {
  token: Token;
  onCancel(): void;
  onDone(): void;
}

function RevokeToken({ token, onCancel, onDone }: RevokeProps): JSX.Element {
  const { api, access } = useSession();
  const sending = useSending([]);
  const submit = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/tokens/${token.id}`);
      announce(t("The token is revoked"));
      onDone();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        {t("{name} stops working within a minute, and can't be brought back.", {
          name: token.name || t("This unnamed token"),
        })}
      </p>
      {token.id === access.token_id && (
        <Notice tone="bad">{t("You are signed in with this token: revoking it signs you out.")}</Notice>
      )}
      <div class="form-actions">
        <Button onClick={onCancel}>{t("Cancel")}</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="tokens:write">
          {t("Revoke token")}
        </Button>
      </div>
    </Form>
  );
}
