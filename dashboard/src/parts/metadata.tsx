import type { JSX } from "preact";
import type { Metadata } from "../data/shapes";
import { Big, exact, writeJson } from "../text/numbers";
import "./metadata.css";

const MOST_SHOWN = 3;

export function shownValue(value: unknown): string {
  if (value instanceof Big) return exact(value);
  return typeof value === "string" ? value : writeJson(value);
}

export function MetadataList({ metadata }: { metadata: Metadata }): JSX.Element {
  return (
    <dl class="facts metadata">
      {Object.entries(metadata).map(([key, value]) => (
        <div key={key}>
          <dt>
            <code>{key}</code>
          </dt>
          <dd class={value instanceof Big ? "figure" : undefined}>{shownValue(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** The first few, in a line. */
export function MetadataLine({ metadata }: { metadata: Metadata }): JSX.Element {
  const entries = Object.entries(metadata);
  return (
    <span class="metadata-line">
      {entries.slice(0, MOST_SHOWN).map(([key, value]) => (
        <span key={key} class={value instanceof Big ? "pair figure" : "pair"}>
          <span>{key}</span> {shownValue(value)}
        </span>
      ))}
      {entries.length > MOST_SHOWN && <span class="more">+{entries.length - MOST_SHOWN}</span>}
    </span>
  );
}
