// The page of the session's customer and its parts; or the reason why it shows nothing.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Notice } from "../parts/page";
import { adoptZone } from "../text/settings";
import { t } from "../text/words";
import { Balances } from "./balances";
import { readable } from "./colour";
import { type Balance, type Customer, type Session, useLoaded } from "./data";
import "../parts/actions.css";
import "../parts/forms.css";
import "./portal.css";
import { newApi, organizationId, takeToken } from "./session";
import { StatementCard } from "./statement";
import { UsageCard } from "./usage";

const MOST_METERS = 100;
const GROUNDS = {
  light: ["#ffffff", "#f7f5f1", "#f2efe9"],
  dark: ["#11100f", "#171614", "#1d1c1a", "#292724"],
};

export function App(): JSX.Element {
  const [token] = useState(takeToken);
  const [ended, setEnded] = useState(token === "");
  return ended ? <Ended /> : <Portal token={token} onEnd={() => setEnded(true)} />;
}

function Ended(): JSX.Element {
  return (
    <main class="portal">
      <h1>{t("Your session has ended")}</h1>
      <p>{t("Open this page again from where you came.")}</p>
    </main>
  );
}

function Portal({ token, onEnd }: { token: string; onEnd(): void }): JSX.Element {
  // biome-ignore lint/correctness/useExhaustiveDependencies: one session, one client.
  const api = useMemo(() => newApi(token, onEnd), [token]);
  const session = useLoaded<Session>(api, "/customer-session/introspect");
  const customer = useLoaded<Customer>(api, "/customers/me");
  const meters = useLoaded<{ items: Balance[] }>(api, "/meters/", { limit: MOST_METERS, lots: true });
  const [chosen, choose] = useState("");
  const organization = session.data?.organization;
  useEffect(() => {
    if (!organization) return;
    document.title = organization.name;
    adoptZone(organization.time_zone ?? "");
    paint(organization.colour);
  }, [organization]);
  // Whose pages may show this one follows from the address: it has to be of the same organization.
  if (organization && organization.id !== organizationId()) return <Ended />;
  const error = session.error ?? customer.error ?? meters.error;
  const items = meters.data?.items ?? [];
  const balance = items.find((one) => one.meter_id === chosen) ?? items[0];
  const ready = session.data && customer.data && meters.data;
  return (
    <main class="portal" aria-busy={!ready}>
      <header class="brand">
        <p class="brand-name">{organization?.name ?? "\u00a0"}</p>
        {session.data?.return_url && (
          <a href={session.data.return_url} rel="noreferrer" target="_top">
            {t("Back")}
          </a>
        )}
      </header>
      <h1>{customer.data?.name ? t("Usage of {name}", { name: customer.data.name }) : t("Your usage")}</h1>
      {error && (
        <Notice tone="bad">
          {error.message}{" "}
          <button type="button" class="button small" onClick={() => location.reload()}>
            {t("Try again")}
          </button>
        </Notice>
      )}
      {ready && items.length === 0 && <p>{t("Nothing has been counted for you yet.")}</p>}
      {ready && <Balances balances={items} />}
      {balance && items.length > 1 && (
        <label class="choose">
          <span>{t("Meter")}</span>
          <select value={balance.meter_id} onChange={(event) => choose(event.currentTarget.value)}>
            {items.map((one) => (
              <option key={one.meter_id} value={one.meter_id}>
                {one.meter.name}
              </option>
            ))}
          </select>
        </label>
      )}
      {balance && <UsageCard key={`usage ${balance.id}`} api={api} balance={balance} />}
      {balance && <StatementCard key={`statement ${balance.id}`} api={api} balance={balance} />}
    </main>
  );
}

/** Use the organization's colour: as it is for what is not read, and readable for what is. */
function paint(colour: string | null): void {
  if (!colour) return;
  const { style } = document.documentElement;
  style.setProperty("--brand", colour);
  style.setProperty(
    "--accent",
    `light-dark(${readable(colour, GROUNDS.light)}, ${readable(colour, GROUNDS.dark)})`,
  );
}
