import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import { Button } from "../parts/actions";
import { Ago } from "../parts/ago";
import { Await } from "../parts/await";
import { Dialog } from "../parts/dialog";
import { NewEndpoint } from "../parts/endpoint_form";
import { EndpointStatus, MOST_ENDPOINTS, nameOf, WhyDisabled } from "../parts/endpoint_status";
import { Card, Empty, Notice, Page } from "../parts/page";
import { Named, Table } from "../parts/table";
import { amend, href } from "../router";
import { t } from "../text/words";

const FRESH_MILLISECONDS = 15_000;

export function WebhooksPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { allows } = useSession();
  const found = useRead(
    "/v1/webhooks/endpoints",
    { query: { limit: MOST_ENDPOINTS } },
    { every: FRESH_MILLISECONDS, skip: !allows("webhooks:read") },
  );
  const add = (
    <Button kind="primary" icon="plus" needs="webhooks:write" onClick={() => amend({ open: "endpoint" })}>
      {t("Add endpoint")}
    </Button>
  );
  const close = (): void => amend({ open: "" });
  return (
    <Page
      title={t("Webhooks")}
      above={<a href={href(["settings"])}>{t("Settings")}</a>}
      below={t("Aureon calls these addresses when something happens.")}
      actions={add}
    >
      {allows("webhooks:read") &&
        found.data?.items.map((endpoint) => <WhyDisabled key={endpoint.id} endpoint={endpoint} named />)}
      <Card flush>
        {!allows("webhooks:read") ? (
          <Notice>{t("Your token lacks the scope {scope}.", { scope: "webhooks:read" })}</Notice>
        ) : (
          <Await of={found}>
            {({ items }) =>
              items.length === 0 ? (
                <Empty icon="webhook" title={t("No endpoints yet")} action={add}>
                  {t("Add your server's address, and be told instead of asking.")}
                </Empty>
              ) : (
                <Table
                  caption={t("Endpoints")}
                  rows={items}
                  keyOf={(one) => one.id}
                  linkOf={(one) => href(["webhooks", one.id])}
                  columns={[
                    { name: t("Endpoint"), show: (one) => <Named name={nameOf(one)} below={one.url} /> },
                    {
                      name: t("Gets"),
                      show: (one) => (
                        <span class="whole" title={one.events.join(", ")}>
                          {one.events.length <= 2
                            ? one.events.join(", ")
                            : t("{n} types", { n: one.events.length })}
                        </span>
                      ),
                    },
                    { name: t("State"), show: (one) => <EndpointStatus endpoint={one} /> },
                    { name: t("Created"), number: true, show: (one) => <Ago time={one.created_at} /> },
                  ]}
                />
              )
            }
          </Await>
        )}
      </Card>
      {query.get("open") === "endpoint" && (
        <Dialog title={t("Add endpoint")} onClose={close}>
          <NewEndpoint onClose={close} />
        </Dialog>
      )}
    </Page>
  );
}
