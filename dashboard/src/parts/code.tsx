// The code to get started, with this host filled in.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { HOST } from "../data/client";
import { SAMPLES } from "../text/code";
import { t } from "../text/words";
import { Copyable } from "./actions";
import { Card } from "./page";

export function Code(): JSX.Element {
  const [name, setName] = useState("curl");
  const sample = SAMPLES.find((one) => one.name === name) ?? SAMPLES[0];
  return (
    <Card title={t("Get started")}>
      <p class="hint">
        {t(
          "Send usage for the customer whose external id is user_123, and read what is left. Set AUREON_ACCESS_TOKEN to a token that may do both.",
        )}{" "}
        <a href={`${HOST}/docs`}>{t("The API reference has everything else.")}</a>
      </p>
      <div class="segments" role="group" aria-label={t("Programming language")}>
        {SAMPLES.map((one) => (
          <button
            type="button"
            key={one.name}
            aria-pressed={one.name === name}
            onClick={() => setName(one.name)}
          >
            {one.name}
          </button>
        ))}
      </div>
      {sample.install && (
        <p>
          <Copyable what={t("command")} text={sample.install} />
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, with the keyboard too. */}
      <pre tabIndex={0} data-testid="code">
        {sample.code}
      </pre>
    </Card>
  );
}
