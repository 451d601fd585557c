// Whether an endpoint gets webhooks, and why it does not.
import type { JSX } from "preact";
import { useRead } from "../data/query";
import { useSession } from "../data/session";
import type { Endpoint } from "../data/shapes";
import { href } from "../router";
import { full } from "../text/times";
import { type Message, t } from "../text/words";
import { Notice } from "./page";

export const MOST_ENDPOINTS = 100;
const FRESH_MILLISECONDS = 60_000;

const REASONS: Record<NonNullable<Endpoint["disabled_reason"]>, Message> = {
  failing: "It failed for three days, and was disabled at {when}. Enable it once it works again.",
  gone: "It answered that it is gone (410), and was disabled at {when}.",
};

export const nameOf = (endpoint: Endpoint): string => endpoint.name || endpoint.url;

export function EndpointStatus({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  if (endpoint.enabled) return <span class="badge good">{t("enabled")}</span>;
  return endpoint.disabled_reason ? (
    <span class="badge bad">{t("disabled: it failed")}</span>
  ) : (
    <span class="badge">{t("disabled")}</span>
  );
}

/** Why it was disabled, where nobody has done it by hand. */
export function WhyDisabled({
  endpoint,
  named,
}: {
  endpoint: Endpoint;
  named?: boolean;
}): JSX.Element | null {
  const { enabled, disabled_reason: reason, disabled_at: at } = endpoint;
  if (enabled || !reason) return null;
  const why = t(REASONS[reason], { when: at ? full(at) : "–" });
  return <Notice tone="bad">{named ? `${nameOf(endpoint)}: ${why}` : why}</Notice>;
}

/** Says on the overview that an endpoint gets nothing any more. */
export function DisabledEndpoints(): JSX.Element | null {
  const { allows } = useSession();
  const found = useRead(
    "/v1/webhooks/endpoints",
    { query: { limit: MOST_ENDPOINTS } },
    { every: FRESH_MILLISECONDS, skip: !allows("webhooks:read") },
  );
  const failed =
    found.data?.items.filter(({ enabled, disabled_reason }) => !enabled && disabled_reason) ?? [];
  if (failed.length === 0) return null;
  return (
    <Notice tone="bad">
      {failed.map((endpoint) => (
        <p key={endpoint.id}>
          {t("The endpoint {name} failed, and no longer gets webhooks.", { name: nameOf(endpoint) })}{" "}
          <a href={href(["webhooks", endpoint.id])}>{t("Look")}</a>
        </p>
      ))}
    </Notice>
  );
}
