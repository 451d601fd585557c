// Building a filter.
import type { JSX } from "preact";
import {
  DEEPEST,
  type DraftClause,
  type DraftFilter,
  isGroup,
  type Kind,
  newClause,
  newFilter,
  OPERATORS_OF,
  toClause,
} from "../data/filter_draft";
import type { Operator } from "../data/shapes";
import { OPERATORS } from "../text/meters";
import { t } from "../text/words";
import { Icon } from "./icons";

interface EditorProps {
  draft: DraftFilter;
  onChange(draft: DraftFilter): void;
  properties: string[];
  names: string[];
  /** Whether to say what is missing. */
  strict: boolean;
  depth?: number;
  onRemove?(): void;
}

export function FilterEditor(props: EditorProps): JSX.Element {
  const { draft, onChange, properties, names, strict, depth = 1, onRemove } = props;
  const replace = (place: number, one?: DraftClause | DraftFilter): void =>
    onChange({
      ...draft,
      clauses: draft.clauses.flatMap((before, at) => (at === place ? (one ? [one] : []) : [before])),
    });
  const add = (one: DraftClause | DraftFilter): void =>
    onChange({ ...draft, clauses: [...draft.clauses, one] });
  return (
    <div class="group" role="group" aria-label={depth === 1 ? t("Filter") : t("Group of conditions")}>
      <div class="group-head">
        <select
          aria-label={t("How conditions are joined")}
          value={draft.conjunction}
          onChange={(event) => onChange({ ...draft, conjunction: event.currentTarget.value as "and" | "or" })}
        >
          <option value="and">{t("All of these hold")}</option>
          <option value="or">{t("Any of these holds")}</option>
        </select>
        {onRemove && (
          <button
            type="button"
            class="button quiet small"
            aria-label={t("Remove the group")}
            onClick={onRemove}
          >
            <Icon name="close" />
          </button>
        )}
      </div>
      {draft.clauses.length === 0 && <p class="hint">{t("No conditions: every event counts.")}</p>}
      {draft.clauses.map((one, place) =>
        isGroup(one) ? (
          <FilterEditor
            {...props}
            key={one.key}
            draft={one}
            depth={depth + 1}
            onChange={(changed) => replace(place, changed)}
            onRemove={() => replace(place)}
          />
        ) : (
          <ClauseEditor
            key={one.key}
            clause={one}
            names={names}
            properties={properties}
            strict={strict}
            onChange={(changed) => replace(place, changed)}
            onRemove={() => replace(place)}
          />
        ),
      )}
      <div class="group-actions">
        <button type="button" class="button small" onClick={() => add(newClause(depth === 1 ? "" : "name"))}>
          <Icon name="plus" /> {t("Condition")}
        </button>
        {depth < DEEPEST && (
          <button type="button" class="button small" onClick={() => add(newFilter())}>
            <Icon name="plus" /> {t("Group")}
          </button>
        )}
      </div>
    </div>
  );
}

interface ClauseProps {
  clause: DraftClause;
  onChange(clause: DraftClause): void;
  onRemove(): void;
  properties: string[];
  names: string[];
  strict: boolean;
}

function ClauseEditor({ clause, onChange, onRemove, properties, names, strict }: ClauseProps): JSX.Element {
  const change = (part: Partial<DraftClause>): void => {
    const changed = { ...clause, ...part };
    const able = OPERATORS_OF[changed.kind];
    onChange({ ...changed, operator: able.includes(changed.operator) ? changed.operator : "eq" });
  };
  const lists = `clause-${clause.key}`;
  const wrong = strict && toClause(clause) === null;
  return (
    <div class="clause">
      <input
        aria-label={t("Property")}
        class="mono"
        list={`${lists}-properties`}
        placeholder={t("property")}
        value={clause.property}
        aria-invalid={strict && !clause.property.trim() ? "true" : undefined}
        onInput={(event) => change({ property: event.currentTarget.value })}
      />
      <datalist id={`${lists}-properties`}>
        {properties.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <select
        aria-label={t("Operator")}
        value={clause.operator}
        onChange={(event) => change({ operator: event.currentTarget.value as Operator })}
      >
        {OPERATORS_OF[clause.kind].map((one) => (
          <option key={one} value={one}>
            {t(OPERATORS[one])}
          </option>
        ))}
      </select>
      <select
        aria-label={t("Kind of value")}
        class="kind"
        value={clause.kind}
        onChange={(event) => change({ kind: event.currentTarget.value as Kind, text: "" })}
      >
        <option value="text">{t("text")}</option>
        <option value="number">{t("number")}</option>
        <option value="truth">{t("yes/no")}</option>
      </select>
      {clause.kind === "truth" ? (
        <select
          aria-label={t("Value")}
          class="value"
          value={clause.text}
          onChange={(event) => change({ text: event.currentTarget.value })}
        >
          <option value="">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <input
          aria-label={t("Value")}
          class="value"
          list={clause.property === "name" ? `${lists}-names` : undefined}
          placeholder={
            clause.kind === "number"
              ? t("whole number")
              : clause.property === "name"
                ? "api_usage"
                : t("value")
          }
          inputMode={clause.kind === "number" ? "numeric" : undefined}
          value={clause.text}
          aria-invalid={wrong ? "true" : undefined}
          onInput={(event) => change({ text: event.currentTarget.value })}
        />
      )}
      <datalist id={`${lists}-names`}>
        {names.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button
        type="button"
        class="button quiet small"
        aria-label={t("Remove the condition")}
        onClick={onRemove}
      >
        <Icon name="close" />
      </button>
    </div>
  );
}
