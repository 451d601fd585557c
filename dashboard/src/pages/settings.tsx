import type { JSX } from "preact";
import { HOST } from "../data/client";
import { useSession } from "../data/session";
import { Copyable } from "../parts/actions";
import { ActivityCard } from "../parts/activity";
import { Code } from "../parts/code";
import { OrganizationCard } from "../parts/organization";
import { Card, Page } from "../parts/page";
import { Preferences } from "../parts/preferences";
import { Tokens } from "../parts/tokens";
import { href } from "../router";
import { full } from "../text/times";
import { t } from "../text/words";
import "./settings.css";

export function SettingsPage({ query }: { query: URLSearchParams }): JSX.Element {
  const { access } = useSession();
  return (
    <Page title={t("Settings")} below={access.organization_name}>
      <Tokens query={query} />
      <div class="halves">
        <div class="main-column">
          <OrganizationCard query={query} />
          <Webhooks />
        </div>
        <div class="main-column">
          <Preferences />
          <Card title={t("This session")}>
            <dl class="facts">
              <dt>API</dt>
              <dd>
                <Copyable what={t("address")} text={HOST} />
              </dd>
              <dt>{t("Token expires")}</dt>
              <dd>{access.expires_at ? full(access.expires_at) : t("never")}</dd>
              <dt>{t("Scopes")}</dt>
              <dd class="scopes">
                {access.scopes.map((scope) => (
                  <code key={scope}>{scope}</code>
                ))}
              </dd>
            </dl>
          </Card>
        </div>
      </div>
      <ActivityCard />
      <Code />
    </Page>
  );
}

/** Where webhooks go has a page of its own. */
function Webhooks(): JSX.Element {
  return (
    <Card title={t("Webhooks")} actions={<a href={href(["webhooks"])}>{t("Endpoints and deliveries")}</a>}>
      <p class="hint">
        {t("Aureon calls your addresses when credits run low, are granted or expire, and more.")}
      </p>
    </Card>
  );
}
