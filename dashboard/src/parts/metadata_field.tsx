// Metadata as it is typed: keys, and values that are numbers, texts, or yes and no.
import type { JSX } from "preact";
import { type Entry, entryProblem, newEntry } from "../data/event_draft";
import { t } from "../text/words";
import { Icon } from "./icons";

interface MetadataProps {
  metadata: Entry[];
  onChange(metadata: Entry[]): void;
  strict: boolean;
  problem: string;
}

export function MetadataField({ metadata, onChange, strict, problem }: MetadataProps): JSX.Element {
  const change = (id: number, part: Partial<Entry>): void =>
    onChange(metadata.map((one) => (one.id === id ? { ...one, ...part } : one)));
  return (
    <fieldset>
      <legend>{t("Metadata")}</legend>
      {metadata.map((one) => (
        <div class="clause" key={one.id}>
          <input
            aria-label={t("Key")}
            class="mono"
            placeholder="units"
            value={one.key}
            onInput={(event) => change(one.id, { key: event.currentTarget.value })}
          />
          <select
            aria-label={t("Kind of value")}
            class="kind"
            value={one.kind}
            onChange={(event) =>
              change(one.id, { kind: event.currentTarget.value as Entry["kind"], text: "" })
            }
          >
            <option value="number">{t("number")}</option>
            <option value="text">{t("text")}</option>
            <option value="truth">{t("yes/no")}</option>
          </select>
          {one.kind === "truth" ? (
            <select
              aria-label={t("Value")}
              value={one.text}
              onChange={(event) => change(one.id, { text: event.currentTarget.value })}
            >
              <option value="">true</option>
              <option value="false">false</option>
            </select>
          ) : (
            <input
              aria-label={t("Value")}
              placeholder={one.kind === "number" ? "3" : t("text")}
              inputMode={one.kind === "number" ? "decimal" : undefined}
              value={one.text}
              aria-invalid={strict && entryProblem(one) ? "true" : undefined}
              onInput={(event) => change(one.id, { text: event.currentTarget.value })}
            />
          )}
          <button
            type="button"
            class="button quiet small"
            aria-label={t("Remove the entry")}
            onClick={() => onChange(metadata.filter((other) => other.id !== one.id))}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="button" class="button small" onClick={() => onChange([...metadata, newEntry()])}>
        <Icon name="plus" /> {t("Entry")}
      </button>
    </fieldset>
  );
}
