// Pages, cards, dialogs, and the states that data can be in.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Loaded } from "../loading";
import { Refused } from "../api";
import { Icon, type IconName } from "./icons";

interface PageProps {
  title: string;
  above?: ComponentChildren;
  below?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page takes the focus to its heading, so that whoever listens knows where they are. */
export function Page({ title, above, below, actions, children }: PageProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Aureon`;
  }, [title]);
  useEffect(() => {
    scrollTo(0, 0);
    heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="page">
      <header class="page-header">
        <div>
          {above && <div class="above">{above}</div>}
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {below && <div class="below">{below}</div>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

interface CardProps {
  title?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
  flush?: boolean;
  tone?: "notice";
}

export function Card({ title, actions, children, flush, tone }: CardProps): JSX.Element {
  return (
    <section class={`card ${flush ? "flush" : ""} ${tone ?? ""}`}>
      {(title || actions) && (
        <header>
          {title && <h2>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  children?: ComponentChildren;
  action?: ComponentChildren;
}

export function Empty({ icon, title, children, action }: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <span class="emblem">
        <Icon name={icon} />
      </span>
      <p class="empty-title">{title}</p>
      {children && <p>{children}</p>}
      {action}
    </div>
  );
}

export function Notice({ children, tone = "info" }: { children: ComponentChildren; tone?: "info" | "bad" | "good" }): JSX.Element {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : tone === "good" ? "status" : undefined}>
      {tone === "bad" && <Icon name="alert" />}
      {tone === "good" && <Icon name="check" />}
      <div>{children}</div>
    </div>
  );
}

/** What a form came to, in its place: the focus that was in the form goes there. */
export function Done({ children }: { children: ComponentChildren }): JSX.Element {
  const done = useRef<HTMLDivElement>(null);
  useEffect(() => done.current?.focus(), []);
  return (
    <div ref={done} class="done" tabIndex={-1}>
      {children}
    </div>
  );
}

interface AwaitProps<T> {
  of: Loaded<T>;
  children(data: T): ComponentChildren;
  lines?: number;
}

/** What was loaded; until then its outline; and what went wrong, with another try. */
export function Await<T>({ of, children, lines = 4 }: AwaitProps<T>): JSX.Element {
  const { data, error, reload } = of;
  if (data === undefined && !error) return <Outline lines={lines} />;
  return (
    <>
      {error && (
        <Notice tone="bad">
          {data === undefined ? "" : "This may be out of date. "}
          {reason(error)}{" "}
          {!isFinal(error) && (
            <button type="button" class="link" onClick={() => void reload()}>
              Try again
            </button>
          )}
        </Notice>
      )}
      {data !== undefined && children(data)}
    </>
  );
}

/** Whether the same question has the same answer: of what is not there, or not for this token. */
const isFinal = (error: Error): boolean => error instanceof Refused && [403, 404].includes(error.status);

function reason(error: Error): string {
  return error instanceof Refused && error.status === 403
    ? `This can't be shown with your token. ${error.message}`
    : error.message;
}

function Outline({ lines }: { lines: number }): JSX.Element {
  return (
    <div class="outline" aria-busy="true">
      <span class="unseen">Loading…</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="line" aria-hidden="true" />
      ))}
    </div>
  );
}

interface DialogProps {
  title: string;
  onClose(): void;
  children: ComponentChildren;
  wide?: boolean;
}

/** A dialog keeps the focus, closes with Escape, and gives the focus back. */
export function Dialog({ title, onClose, children, wide }: DialogProps): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const element = dialog.current;
    element?.showModal();
    const first = element?.querySelector<HTMLElement>("[autofocus]") ?? element?.querySelector("input, select");
    (first as HTMLElement | null)?.focus();
    return () => {
      // Behind a dialog that is open, nothing takes the focus.
      element?.close();
      before?.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={wide ? "wide" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header>
        <h2 id={id}>{title}</h2>
        <button type="button" class="button quiet small" aria-label="Close" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </dialog>
  );
}
