import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Endpoint } from "../data/shapes";
import { Button, Copyable, Menu } from "../parts/actions";
import { Ago } from "../parts/ago";
import { announce } from "../parts/announcements";
import { Await } from "../parts/await";
import { Deliveries } from "../parts/deliveries";
import { Dialog } from "../parts/dialog";
import { EditEndpoint, Secret } from "../parts/endpoint_form";
import { EndpointStatus, nameOf, WhyDisabled } from "../parts/endpoint_status";
import { Form, useSending } from "../parts/forms";
import { Card, Notice, Page } from "../parts/page";
import { amend, go, href } from "../router";
import { t } from "../text/words";

const FRESH_MILLISECONDS = 15_000;

export function WebhookPage({ id, query }: { id: string; query: URLSearchParams }): JSX.Element {
  const { api, refresh } = useSession();
  const found = useRead("/v1/webhooks/endpoints/{id}", { path: { id } }, { every: FRESH_MILLISECONDS });
  const sending = useSending([]);
  const endpoint = found.data;
  const open = (name: string) => () => amend({ open: name });
  const enable = (enabled: boolean): void =>
    void sending.send(async () => {
      await api.patch(`v1/webhooks/endpoints/${id}`, { enabled });
      announce(enabled ? t("The endpoint is enabled") : t("The endpoint is disabled"));
      await refresh();
    });
  return (
    <Page
      title={endpoint ? nameOf(endpoint) : t("Endpoint")}
      above={<a href={href(["webhooks"])}>{t("Webhooks")}</a>}
      below={endpoint && <EndpointStatus endpoint={endpoint} />}
      actions={
        endpoint && (
          <>
            {!endpoint.enabled && (
              <Button kind="primary" needs="webhooks:write" busy={sending.busy} onClick={() => enable(true)}>
                {t("Enable")}
              </Button>
            )}
            <Button needs="webhooks:write" onClick={open("edit")}>
              {t("Edit")}
            </Button>
            <Menu label={t("More actions")}>
              <Button needs="webhooks:write" onClick={open("secret")}>
                {t("New secret")}
              </Button>
              {endpoint.enabled && (
                <Button needs="webhooks:write" onClick={() => enable(false)}>
                  {t("Disable")}
                </Button>
              )}
              <Button kind="danger" needs="webhooks:write" onClick={open("delete")}>
                {t("Delete")}
              </Button>
            </Menu>
          </>
        )
      }
    >
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <Await of={found} lines={8}>
        {(endpoint) => (
          <>
            <WhyDisabled endpoint={endpoint} />
            <div class="columns">
              <Deliveries endpoint={endpoint} query={query} />
              <About endpoint={endpoint} />
            </div>
            <Open name={query.get("open")} endpoint={endpoint} />
          </>
        )}
      </Await>
    </Page>
  );
}

function About({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const [seen, setSeen] = useState(false);
  return (
    <Card title={t("Endpoint")}>
      <dl class="facts">
        <dt>{t("Address")}</dt>
        <dd>
          <Copyable what={t("address")} text={endpoint.url} />
        </dd>
        <dt>{t("Secret")}</dt>
        <dd>
          {seen ? (
            <Copyable what={t("secret")} text={endpoint.secret} />
          ) : (
            <button type="button" class="link" onClick={() => setSeen(true)}>
              {t("Show the secret")}
            </button>
          )}
        </dd>
        <dt>{t("Gets")}</dt>
        <dd class="scopes">
          {endpoint.events.map((type) => (
            <code key={type}>{type}</code>
          ))}
        </dd>
        <dt>ID</dt>
        <dd>
          <Copyable what={t("id")} text={endpoint.id} />
        </dd>
        <dt>{t("Created")}</dt>
        <dd>
          <Ago time={endpoint.created_at} />
        </dd>
      </dl>
    </Card>
  );
}

interface OpenProps {
  name: string | null;
  endpoint: Endpoint;
}

/** The form that the address says is open. */
function Open({ name, endpoint }: OpenProps): JSX.Element | null {
  const close = (): void => amend({ open: "" });
  switch (name) {
    case "edit":
      return (
        <Dialog title={t("Edit endpoint")} onClose={close}>
          <EditEndpoint endpoint={endpoint} onClose={close} />
        </Dialog>
      );
    case "secret":
      return (
        <Dialog title={t("New secret")} onClose={close}>
          <NewSecret endpoint={endpoint} onClose={close} />
        </Dialog>
      );
    case "delete":
      return (
        <Dialog title={t("Delete endpoint")} onClose={close}>
          <DeleteEndpoint endpoint={endpoint} onClose={close} />
        </Dialog>
      );
    default:
      return null;
  }
}

interface ActionProps {
  endpoint: Endpoint;
  onClose(): void;
}

function NewSecret({ endpoint, onClose }: ActionProps): JSX.Element {
  const { api, refresh } = useSession();
  const sending = useSending([]);
  const [made, setMade] = useState("");
  const submit = (): void =>
    void sending.send(async () => {
      const { secret } = await api.patch<Endpoint>(`v1/webhooks/endpoints/${endpoint.id}/secret`, {});
      setMade(secret);
      void refresh();
    });
  if (made) return <Secret secret={made} onClose={onClose} />;
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        {t(
          "The old secret no longer signs anything: the receiver refuses webhooks until it has the new one.",
        )}
      </p>
      <div class="form-actions">
        <Button onClick={onClose}>{t("Cancel")}</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="webhooks:write">
          {t("Make a new secret")}
        </Button>
      </div>
    </Form>
  );
}

function DeleteEndpoint({ endpoint, onClose }: ActionProps): JSX.Element {
  const { api, refresh } = useSession();
  const sending = useSending([]);
  const submit = (): void =>
    void sending.send(async () => {
      await api.delete(`v1/webhooks/endpoints/${endpoint.id}`);
      announce(t("{name} was deleted", { name: nameOf(endpoint) }));
      go(href(["webhooks"]));
      void refresh();
    });
  return (
    <Form onSubmit={submit}>
      {sending.problem && <Notice tone="bad">{sending.problem}</Notice>}
      <p>
        {t("{name} gets nothing any more, and what was sent to it is no longer listed.", {
          name: nameOf(endpoint),
        })}
      </p>
      <div class="form-actions">
        <Button onClick={onClose}>{t("Cancel")}</Button>
        <Button type="submit" kind="danger" busy={sending.busy} needs="webhooks:write">
          {t("Delete endpoint")}
        </Button>
      </div>
    </Form>
  );
}
