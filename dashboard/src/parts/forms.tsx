// Forms: labelled fields, problems beside them, and one sending at a time.
import type { ComponentChildren, JSX } from "preact";
import { useId, useRef, useState } from "preact/hooks";
import { type Problem, Refused } from "../data/client";
import { t } from "../text/words";
import "./forms.css";
import { Icon } from "./icons";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
  problem?: string;
  optional?: boolean;
  children(attributes: FieldAttributes): ComponentChildren;
}

export interface FieldAttributes {
  id: string;
  "aria-invalid"?: "true";
  "aria-describedby"?: string;
}

export function Field({ label, hint, problem, optional, children }: FieldProps): JSX.Element {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="optional"> {t("optional")}</span>}
      </label>
      {children({
        id,
        "aria-invalid": problem ? "true" : undefined,
        "aria-describedby": described || undefined,
      })}
      {problem && (
        <p class="problem" id={`${id}-problem`} role="alert">
          {problem}
        </p>
      )}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  onChange(value: string): void;
  hint?: ComponentChildren;
  problem?: string;
  optional?: boolean;
  type?: "text" | "email" | "password" | "search" | "datetime-local" | "date";
  placeholder?: string;
  inputMode?: "decimal" | "email";
  mono?: boolean;
  options?: string[];
  maxLength?: number;
  autoFocus?: boolean;
  disabled?: boolean;
}

export function TextField(props: TextProps): JSX.Element {
  const {
    label,
    value,
    onChange,
    hint,
    problem,
    optional,
    type = "text",
    options,
    mono,
    autoFocus,
    ...rest
  } = props;
  const list = useId();
  return (
    <Field label={label} hint={hint} problem={problem} optional={optional}>
      {(attributes) => (
        <>
          <input
            {...attributes}
            {...rest}
            type={type as "text"}
            class={mono ? "mono" : undefined}
            value={value}
            autofocus={autoFocus}
            autocomplete="off"
            spellcheck={false}
            list={options ? list : undefined}
            onInput={(event) => onChange(event.currentTarget.value)}
          />
          {options && (
            <datalist id={list}>
              {options.map((option) => (
                <option key={option} value={option} />
              ))}
            </datalist>
          )}
        </>
      )}
    </Field>
  );
}

interface SearchProps {
  label: string;
  placeholder: string;
  value: string;
  onChange(value: string): void;
}

export function SearchField({ label, placeholder, value, onChange }: SearchProps): JSX.Element {
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={placeholder}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  onChange(value: string): void;
  options: { value: string; label: string; disabled?: boolean }[];
  hint?: ComponentChildren;
  problem?: string;
}

export function SelectField({ label, value, onChange, options, hint, problem }: SelectProps): JSX.Element {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(attributes) => (
        <select {...attributes} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map((option) => (
            <option key={option.value} value={option.value} disabled={option.disabled}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export interface Sending {
  busy: boolean;
  /** What is wrong with the form as a whole, or with what no field shows. */
  problem: string;
  error: Error | undefined;
  at(...loc: string[]): string;
  send(work: () => Promise<void>): Promise<void>;
  clear(): void;
}

/** Sends once at a time, however often it is asked to, and keeps what came back for the fields. */
export function useSending(fields: string[]): Sending {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error>();
  const running = useRef(false);
  const problems = error instanceof Refused ? error.problems : [];
  const shown = (problem: Problem): boolean =>
    fields.some((field) => path(problem) === field || path(problem).startsWith(`${field}.`));
  const others = problems.filter((problem) => !shown(problem)).map((problem) => problem.msg);
  return {
    busy,
    error,
    problem: (error && (problems.length === 0 ? error.message : others.join(" "))) || "",
    at: (...loc) =>
      problems
        .filter((problem) => path(problem) === loc.join(".") || path(problem).startsWith(`${loc.join(".")}.`))
        .map((problem) => problem.msg)
        .join(" "),
    clear: () => setError(undefined),
    send: async (work) => {
      if (running.current) return;
      running.current = true;
      setBusy(true);
      setError(undefined);
      try {
        await work();
      } catch (error) {
        setError(error as Error);
      } finally {
        running.current = false;
        setBusy(false);
        leadToProblem(document);
      }
    },
  };
}

/** Where a problem is, from the body on: `email`, `events.0.customer_id`. */
function path(problem: Problem): string {
  return problem.loc.slice(1).join(".");
}

/** Lead whoever can't see the problems to the first, or to what is said of the whole, once it is drawn. */
function leadToProblem(within: ParentNode): void {
  requestAnimationFrame(() => {
    const field = within.querySelector<HTMLElement>('form [aria-invalid="true"]');
    if (field) field.focus();
    else within.querySelector("form > .notice")?.scrollIntoView({ block: "nearest" });
  });
}

export function Form({ onSubmit, children }: { onSubmit(): void; children: ComponentChildren }): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
        if (form.current) leadToProblem(form.current);
      }}
    >
      {children}
    </form>
  );
}
