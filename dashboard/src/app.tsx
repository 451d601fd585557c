// Who may see what: signing in, and then the frame with its pages.
import type { JSX } from "preact";
import { SessionContext, useStanding } from "./data/session";
import { Frame } from "./frame";
import { SignIn } from "./pages/sign_in";
import { Empty } from "./parts/page";
import { useSettings } from "./text/settings";
import { t } from "./text/words";

export function App(): JSX.Element {
  const { standing, signIn } = useStanding();
  // What was chosen changes every word and number: all is drawn anew.
  useSettings();
  switch (standing.is) {
    case "out":
      return <SignIn problem={standing.problem} onSignIn={signIn} />;
    case "asking":
      return <p class="waiting">{t("Signing in…")}</p>;
    case "unreachable":
      return (
        <main class="waiting">
          <Empty
            icon="alert"
            title={t("Aureon can't be reached")}
            action={
              <button type="button" class="button primary" onClick={standing.retry}>
                {t("Try again")}
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
