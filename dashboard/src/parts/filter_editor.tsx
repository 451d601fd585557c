// Building a filter: clauses, joined by "all" or "any", and groups of them.
import type { JSX } from "preact";
import { OPERATORS } from "../meters";
import { Big, typed } from "../numbers";
import type { Clause, Filter, Operator, Value } from "../shapes";
import { Icon } from "./icons";

type Kind = "text" | "number" | "truth";

/** A clause while it is written: its value is a text, of a kind. */
export interface DraftClause {
  key: number;
  property: string;
  operator: Operator;
  kind: Kind;
  text: string;
}

export interface DraftFilter {
  key: number;
  conjunction: "and" | "or";
  clauses: (DraftClause | DraftFilter)[];
}

const DEEPEST = 3;
const OF_TEXTS: Operator[] = ["eq", "ne", "like", "not_like"];
const OF_NUMBERS: Operator[] = ["eq", "ne", "gt", "gte", "lt", "lte"];
const OF_TRUTHS: Operator[] = ["eq", "ne"];
const OPERATORS_OF: Record<Kind, Operator[]> = { text: OF_TEXTS, number: OF_NUMBERS, truth: OF_TRUTHS };

let keys = 0;
const nextKey = (): number => ++keys;

export const newClause = (property = "name"): DraftClause => ({
  key: nextKey(),
  property,
  operator: "eq",
  kind: "text",
  text: "",
});

export const newFilter = (): DraftFilter => ({ key: nextKey(), conjunction: "and", clauses: [newClause()] });

const isGroup = (one: DraftClause | DraftFilter): one is DraftFilter => "clauses" in one;

/** The filter as the API takes it; null while something of it is missing. */
export function toFilter(draft: DraftFilter): Filter | null {
  const clauses = draft.clauses.map((one) => (isGroup(one) ? toFilter(one) : toClause(one)));
  if (clauses.some((one) => one === null)) return null;
  return { conjunction: draft.conjunction, clauses: clauses as (Clause | Filter)[] };
}

function toClause(draft: DraftClause): Clause | null {
  const value = valueOf(draft);
  const property = draft.property.trim();
  return property && value !== null ? { property, operator: draft.operator, value } : null;
}

function valueOf({ kind, text }: DraftClause): Value | null {
  if (kind === "truth") return text !== "false";
  if (kind === "text") return text === "" ? null : text;
  const number = typed(text);
  return number && number.eq(number.round(0, Big.roundDown)) ? number : null;
}

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
  const add = (one: DraftClause | DraftFilter): void => onChange({ ...draft, clauses: [...draft.clauses, one] });
  return (
    <div class="group" role="group" aria-label={depth === 1 ? "Filter" : "Group of conditions"}>
      <div class="group-head">
        <select
          aria-label="How conditions are joined"
          value={draft.conjunction}
          onChange={(event) => onChange({ ...draft, conjunction: event.currentTarget.value as "and" | "or" })}
        >
          <option value="and">All of these hold</option>
          <option value="or">Any of these holds</option>
        </select>
        {onRemove && (
          <button type="button" class="button quiet small" aria-label="Remove the group" onClick={onRemove}>
            <Icon name="close" />
          </button>
        )}
      </div>
      {draft.clauses.length === 0 && <p class="hint">No conditions: every event counts.</p>}
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
          <Icon name="plus" /> Condition
        </button>
        {depth < DEEPEST && (
          <button type="button" class="button small" onClick={() => add(newFilter())}>
            <Icon name="plus" /> Group
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
        aria-label="Property"
        class="mono"
        list={`${lists}-properties`}
        placeholder="property"
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
        aria-label="Operator"
        value={clause.operator}
        onChange={(event) => change({ operator: event.currentTarget.value as Operator })}
      >
        {OPERATORS_OF[clause.kind].map((one) => (
          <option key={one} value={one}>
            {OPERATORS[one]}
          </option>
        ))}
      </select>
      <select
        aria-label="Kind of value"
        class="kind"
        value={clause.kind}
        onChange={(event) => change({ kind: event.currentTarget.value as Kind, text: "" })}
      >
        <option value="text">text</option>
        <option value="number">number</option>
        <option value="truth">yes/no</option>
      </select>
      {clause.kind === "truth" ? (
        <select aria-label="Value" class="value" value={clause.text} onChange={(event) => change({ text: event.currentTarget.value })}>
          <option value="">true</option>
          <option value="false">false</option>
        </select>
      ) : (
        <input
          aria-label="Value"
          class="value"
          list={clause.property === "name" ? `${lists}-names` : undefined}
          placeholder={clause.kind === "number" ? "whole number" : clause.property === "name" ? "api_usage" : "value"}
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
      <button type="button" class="button quiet small" aria-label="Remove the condition" onClick={onRemove}>
        <Icon name="close" />
      </button>
    </div>
  );
}
