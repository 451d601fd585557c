// A page and its cards, and what stands in them where there is nothing else.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon, type IconName } from "./icons";
import "./page.css";

interface PageProps {
  title: string;
  above?: ComponentChildren;
  below?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A page takes the focus to its heading, so that a screen reader says where it is. */
export function Page({ title, above, below, actions, children }: PageProps): JSX.Element {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Aureon`;
  }, [title]);
  useEffect(() => {
    scrollTo(0, 0);
    // A dialog that the address opens keeps the focus.
    if (!document.querySelector("dialog[open]")) heading.current?.focus({ preventScroll: true });
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
}

export function Card({ title, actions, children, flush }: CardProps): JSX.Element {
  return (
    <section class={`card ${flush ? "flush" : ""}`}>
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

interface NoticeProps {
  children: ComponentChildren;
  tone?: "info" | "bad" | "good";
}

export function Notice({ children, tone = "info" }: NoticeProps): JSX.Element {
  return (
    <div class={`notice ${tone}`} role={tone === "bad" ? "alert" : tone === "good" ? "status" : undefined}>
      {tone === "bad" && <Icon name="alert" />}
      {tone === "good" && <Icon name="check" />}
      <div>{children}</div>
    </div>
  );
}

/** A dash in the place of a missing name or id. */
export const Absent = (): JSX.Element => <span class="absent">–</span>;
