import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { HOST } from "../data/client";
import { Form, TextField } from "../parts/forms";
import { Mark } from "../parts/mark";
import { Notice } from "../parts/page";
import { t } from "../text/words";
import "./sign_in.css";

const TOKEN = /^[\x21-\x7e]+$/;

/** Signing in: what is wrong with a token, or was, stands above the field. */
export function SignIn({
  problem,
  onSignIn,
}: {
  problem: string;
  onSignIn(token: string): void;
}): JSX.Element {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    document.title = `${t("Sign in")} · Aureon`;
  }, []);
  const submit = (): void => {
    const text = token.trim();
    if (!text) setWrong(t("Paste your access token here."));
    else if (!TOKEN.test(text)) setWrong(t("An access token has no spaces and no special characters."));
    else onSignIn(text);
  };
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <span class="brand">
          <Mark /> Aureon
        </span>
        <h1>{t("Sign in")}</h1>
        {problem && !wrong && <Notice tone="bad">{problem}</Notice>}
        <Form onSubmit={submit}>
          <TextField
            label={t("Access token")}
            type="password"
            mono
            autoFocus
            value={token}
            placeholder="aureon_oat_…"
            problem={wrong}
            onChange={(value) => {
              setToken(value);
              setWrong("");
            }}
            hint={t(
              "Kept in this browser's tabs until you sign out or close them, and sent only to this host.",
            )}
          />
          <button type="submit" class="button primary block">
            {t("Sign in")}
          </button>
        </Form>
        <details>
          <summary>{t("Where do I get a token?")}</summary>
          <p>
            {t(
              "make dev prints one when it starts. For a deployed Aureon, run aureon tokens create, or ask somebody who can make one under Settings.",
            )}
          </p>
        </details>
        <p class="host">{HOST}</p>
      </div>
    </main>
  );
}
