import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { HOST } from "../api";
import { Form, TextField } from "../parts/forms";
import { Notice } from "../parts/layout";
import { Mark } from "../parts/mark";

const TOKEN = /^[\x21-\x7e]+$/;

/** Signing in: what is wrong with a token, or was, stands above the field. */
export function SignIn({ problem, onSignIn }: { problem: string; onSignIn(token: string): void }): JSX.Element {
  const [token, setToken] = useState("");
  const [wrong, setWrong] = useState("");
  useEffect(() => {
    document.title = "Sign in · Aureon";
  }, []);
  const submit = (): void => {
    const text = token.trim();
    if (!text) setWrong("Paste your access token here.");
    else if (!TOKEN.test(text)) setWrong("An access token has no spaces and no special characters.");
    else onSignIn(text);
  };
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <span class="brand">
          <Mark /> Aureon
        </span>
        <h1>Sign in</h1>
        {problem && !wrong && <Notice tone="bad">{problem}</Notice>}
        <Form onSubmit={submit}>
          <TextField
            label="Access token"
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
            hint="Kept in this tab until you close it or sign out, and sent to this host only."
          />
          <button type="submit" class="button primary block">
            Sign in
          </button>
        </Form>
        <details>
          <summary>Where do I get a token?</summary>
          <p>
            <code>make dev</code> prints one when it starts. For a deployed Aureon, run{" "}
            <code>aureon tokens create</code>, or ask somebody who can make one under Settings.
          </p>
        </details>
        <p class="host">{HOST}</p>
      </div>
    </main>
  );
}
