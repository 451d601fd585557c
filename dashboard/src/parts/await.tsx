// The states that data can be in: not there yet, of another selection, out of date, or refused.
import type { ComponentChildren, JSX } from "preact";
import { Refused } from "../data/client";
import type { Loaded } from "../data/query";
import { t } from "../text/words";
import "./await.css";
import { Notice } from "./page";

interface AwaitProps<T> {
  of: Loaded<T>;
  children(data: T): ComponentChildren;
  lines?: number;
}

/** Shows data: until then its outline; dimmed, what is of another selection; and what went wrong. */
export function Await<T>({ of, children, lines = 4 }: AwaitProps<T>): JSX.Element {
  const { data, error, stale, reload } = of;
  if (data === undefined && !error) return <Outline lines={lines} />;
  return (
    <div class={`awaited ${stale ? "stale" : ""}`} aria-busy={stale ? "true" : undefined}>
      {error && (
        <Notice tone="bad">
          {data === undefined ? "" : `${t("This may be out of date.")} `}
          {reason(error)}{" "}
          {!isFinal(error) && (
            <button type="button" class="link" onClick={() => void reload()}>
              {t("Try again")}
            </button>
          )}
        </Notice>
      )}
      {data !== undefined && children(data)}
    </div>
  );
}

/** Whether the same question has the same answer: of what is not there, or not for this token. */
const isFinal = (error: Error): boolean => error instanceof Refused && [403, 404].includes(error.status);

function reason(error: Error): string {
  return error instanceof Refused && error.status === 403
    ? `${t("This can't be shown with your token.")} ${error.message}`
    : error.message;
}

function Outline({ lines }: { lines: number }): JSX.Element {
  return (
    <div class="outline" aria-busy="true">
      <span class="unseen">{t("Loading…")}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="line" aria-hidden="true" />
      ))}
    </div>
  );
}

/** Lists end somewhere: what is cut off is said. */
export function Cut({
  shown,
  of,
}: {
  shown: number;
  of: import("../text/numbers").Big | undefined;
}): JSX.Element | null {
  if (!of?.gt(shown)) return null;
  return (
    <p class="hint">
      {t("Only the first {shown} of {n} meters are offered here.", { shown, n: of.toFixed() })}
    </p>
  );
}
