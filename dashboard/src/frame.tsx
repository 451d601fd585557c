// The frame around all pages: the sidebar, search, and which page is shown.
import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useOnline } from "./data/query";
import { useSession } from "./data/session";
import "./frame.css";
import { ActivityPage } from "./pages/activity";
import { AlertsPage } from "./pages/alerts";
import { CustomerPage } from "./pages/customer";
import { CustomersPage } from "./pages/customers";
import { EventPage } from "./pages/event";
import { EventsPage } from "./pages/events";
import { LiabilityPage } from "./pages/liability";
import { MeterPage } from "./pages/meter";
import { MetersPage } from "./pages/meters";
import { NewMeterPage } from "./pages/new_meter";
import { OverviewPage } from "./pages/overview";
import { SettingsPage } from "./pages/settings";
import { StatementPage } from "./pages/statement";
import { WebhookPage } from "./pages/webhook";
import { WebhooksPage } from "./pages/webhooks";
import { Announcements } from "./parts/announcements";
import { Icon, type IconName } from "./parts/icons";
import { Mark } from "./parts/mark";
import { Empty, Page } from "./parts/page";
import { Search } from "./parts/search";
import { href, type Route, useRoute } from "./router";
import { type Message, t } from "./text/words";

const PAGES: { path: string; name: Message; icon: IconName }[] = [
  { path: "", name: "Overview", icon: "overview" },
  { path: "customers", name: "Customers", icon: "customers" },
  { path: "meters", name: "Meters", icon: "meters" },
  { path: "liability", name: "Liability", icon: "liability" },
  { path: "events", name: "Events", icon: "events" },
  { path: "alerts", name: "Alerts", icon: "bell" },
  { path: "settings", name: "Settings", icon: "settings" },
];

/** The pages that are reached from another: that one is current in the sidebar. */
const BELOW: Record<string, string> = { activity: "settings", webhooks: "settings" };

export function Frame(): JSX.Element {
  const { access, queries, signOut } = useSession();
  const route = useRoute();
  const online = useOnline();
  const content = useRef<HTMLElement>(null);
  const [first = ""] = route.parts;
  const here = BELOW[first] ?? first;
  return (
    <div class="frame">
      <header class="sidebar">
        {/* biome-ignore lint/a11y/useValidAnchor: it leads within the page, whose address is taken. */}
        <a
          class="skip"
          href="#content"
          onClick={(event) => {
            event.preventDefault();
            content.current?.focus();
          }}
        >
          {t("Skip to the content")}
        </a>
        <a class="brand" href={href([])}>
          <Mark /> <span>Aureon</span>
        </a>
        <Search />
        <nav aria-label={t("Pages of the dashboard")}>
          {PAGES.map(({ path, name, icon }) => (
            <a
              key={path}
              href={href(path ? [path] : [])}
              aria-current={here === path ? "page" : undefined}
              title={t(name)}
            >
              <Icon name={icon} />
              <span>{t(name)}</span>
            </a>
          ))}
        </nav>
        <div class="account">
          <span class="organization" title={access.organization_id}>
            {access.organization_name}
          </span>
          <button type="button" class="button quiet" title={t("Sign out")} onClick={signOut}>
            <Icon name="out" />
            <span>{t("Sign out")}</span>
          </button>
        </div>
      </header>
      <main id="content" ref={content} tabIndex={-1}>
        {!online && (
          <p class="offline" role="alert">
            {t(
              "You are offline. This page may be out of date, and nothing is sent until you are online again.",
            )}
          </p>
        )}
        <Boundary key={route.parts.join("/")} onRetry={() => queries.clear()}>
          <Shown route={route} />
        </Boundary>
      </main>
      <Announcements />
    </div>
  );
}

interface BoundaryProps {
  children: ComponentChildren;
  /** Forget what the page has failed with. */
  onRetry(): void;
}

/** Where a page fails, the others are still there, and it can be tried again. */
class Boundary extends Component<BoundaryProps, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  retry = (): void => {
    this.props.onRetry();
    this.setState({ failed: false });
  };

  render(): ComponentChildren {
    if (!this.state.failed) return this.props.children;
    return (
      <Empty
        icon="alert"
        title={t("This page can't be shown")}
        action={
          <button type="button" class="button" onClick={this.retry}>
            {t("Try again")}
          </button>
        }
      >
        {t("Something unexpected happened. Nothing was changed by it.")}
      </Empty>
    );
  }
}

function Shown({ route }: { route: Route }): JSX.Element {
  const [page, id] = route.parts;
  useEffect(() => {
    if (page === undefined && location.hash === "") history.replaceState(null, "", href([]));
  }, [page]);
  switch (page) {
    case undefined:
      return <OverviewPage />;
    case "liability":
      return <LiabilityPage query={route.query} />;
    case "customers":
      if (id && route.parts[2] === "statement" && route.parts[3])
        return <StatementPage customerId={id} meterId={route.parts[3]} query={route.query} />;
      return id ? (
        <CustomerPage key={id} id={id} query={route.query} />
      ) : (
        <CustomersPage query={route.query} />
      );
    case "meters":
      if (id === "new") return <NewMeterPage />;
      return id ? <MeterPage key={id} id={id} query={route.query} /> : <MetersPage query={route.query} />;
    case "events":
      return id ? <EventPage key={id} id={id} /> : <EventsPage query={route.query} />;
    case "activity":
      return <ActivityPage query={route.query} />;
    case "alerts":
      return <AlertsPage query={route.query} />;
    case "webhooks":
      return id ? <WebhookPage key={id} id={id} query={route.query} /> : <WebhooksPage query={route.query} />;
    case "settings":
      return <SettingsPage query={route.query} />;
    default:
      return (
        <Page title={t("There is no such page")}>
          <p>
            {t("The address may be mistyped.")} <a href={href([])}>{t("Go to the overview")}</a>
          </p>
        </Page>
      );
  }
}
