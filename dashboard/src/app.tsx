// The frame around all pages: signing in, the sidebar, and which page is shown.
import { Component, type ComponentChildren, type JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Announcements } from "./parts/announcements";
import { Icon, type IconName } from "./parts/icons";
import { Empty, Page } from "./parts/layout";
import { Mark } from "./parts/mark";
import { CustomerPage } from "./pages/customer";
import { CustomersPage } from "./pages/customers";
import { EventPage } from "./pages/event";
import { EventsPage } from "./pages/events";
import { MeterPage } from "./pages/meter";
import { MetersPage } from "./pages/meters";
import { NewMeterPage } from "./pages/new_meter";
import { OverviewPage } from "./pages/overview";
import { SettingsPage } from "./pages/settings";
import { SignIn } from "./pages/sign_in";
import { useOnline } from "./loading";
import { href, useRoute, type Route } from "./router";
import { SessionContext, useSession, useStanding } from "./session";
import { applyTheme } from "./theme";

applyTheme();

const PAGES: { path: string; name: string; icon: IconName }[] = [
  { path: "", name: "Overview", icon: "overview" },
  { path: "customers", name: "Customers", icon: "customers" },
  { path: "meters", name: "Meters", icon: "meters" },
  { path: "events", name: "Events", icon: "events" },
  { path: "settings", name: "Settings", icon: "settings" },
];

export function App(): JSX.Element {
  const { standing, signIn } = useStanding();
  switch (standing.is) {
    case "out":
      return <SignIn problem={standing.problem} onSignIn={signIn} />;
    case "asking":
      return <p class="waiting">Signing in…</p>;
    case "unreachable":
      return (
        <main class="waiting">
          <Empty
            icon="alert"
            title="Aureon can't be reached"
            action={
              <button type="button" class="button primary" onClick={standing.retry}>
                Try again
              </button>
            }
          >
            {standing.problem}
          </Empty>
        </main>
      );
    case "in":
      return (
        <SessionContext.Provider value={standing.session}>
          <Frame />
        </SessionContext.Provider>
      );
  }
}

function Frame(): JSX.Element {
  const { access, signOut } = useSession();
  const route = useRoute();
  const online = useOnline();
  const content = useRef<HTMLElement>(null);
  const here = route.parts[0] ?? "";
  return (
    <div class="frame">
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          content.current?.focus();
        }}
      >
        Skip to the content
      </a>
      <header class="sidebar">
        <a class="brand" href={href([])}>
          <Mark /> Aureon
        </a>
        <nav aria-label="Pages">
          {PAGES.map(({ path, name, icon }) => (
            <a key={path} href={href(path ? [path] : [])} aria-current={here === path ? "page" : undefined}>
              <Icon name={icon} />
              <span>{name}</span>
            </a>
          ))}
        </nav>
        <div class="account">
          <span class="organization" title={access.organization_id}>
            {access.organization_name}
          </span>
          <button type="button" class="button quiet" onClick={signOut}>
            <Icon name="out" />
            Sign out
          </button>
        </div>
      </header>
      <main ref={content} tabIndex={-1}>
        {!online && (
          <p class="offline" role="alert">
            You are offline. What is shown may be out of date; nothing is sent until you are back.
          </p>
        )}
        <Boundary key={route.parts.join("/")}>
          <Shown route={route} />
        </Boundary>
      </main>
      <Announcements />
    </div>
  );
}

/** Where a page fails, the others are still there, and it can be tried again. */
class Boundary extends Component<{ children: ComponentChildren }, { failed: boolean }> {
  state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  render(): ComponentChildren {
    if (!this.state.failed) return this.props.children;
    return (
      <Empty
        icon="alert"
        title="This page can't be shown"
        action={
          <button type="button" class="button" onClick={() => this.setState({ failed: false })}>
            Try again
          </button>
        }
      >
        Something in it is not as expected. Nothing was changed by that.
      </Empty>
    );
  }
}

function Shown({ route }: { route: Route }): JSX.Element {
  const [page, id] = route.parts;
  useEffect(() => {
    if (page === undefined && location.hash === "") history.replaceState(null, "", href([]));
  }, []);
  switch (page) {
    case undefined:
      return <OverviewPage />;
    case "customers":
      return id ? <CustomerPage key={id} id={id} /> : <CustomersPage query={route.query} />;
    case "meters":
      if (id === "new") return <NewMeterPage />;
      return id ? <MeterPage key={id} id={id} query={route.query} /> : <MetersPage query={route.query} />;
    case "events":
      return id ? <EventPage key={id} id={id} /> : <EventsPage query={route.query} />;
    case "settings":
      return <SettingsPage query={route.query} />;
    default:
      return (
        <Page title="There is no such page">
          <p>
            The address may be mistyped. <a href={href([])}>Go to the overview</a>
          </p>
        </Page>
      );
  }
}
