// What can be done: buttons, a menu of what is rarely wanted, and why something can't be used.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useSession } from "../data/session";
import type { Scope } from "../data/shapes";
import { t } from "../text/words";
import "./actions.css";
import { announce } from "./announcements";
import { Icon, type IconName } from "./icons";

interface ButtonProps {
  children: ComponentChildren;
  onClick?(): void;
  kind?: "primary" | "plain" | "quiet" | "danger";
  icon?: IconName;
  type?: "button" | "submit";
  busy?: boolean;
  /** The scope that it takes: without it the button stays, and says why it can't be used. */
  needs?: Scope;
  label?: string;
}

export function Button(props: ButtonProps): JSX.Element {
  const { children, onClick, kind = "plain", icon, type = "button", busy, needs, label } = props;
  const session = useSession();
  const id = useId();
  const reason =
    needs && !session.allows(needs) ? t("Your token lacks the scope {scope}.", { scope: needs }) : "";
  const button = (
    <button
      type={type}
      class={`button ${kind}`}
      aria-disabled={reason || busy ? "true" : undefined}
      aria-describedby={reason ? id : undefined}
      aria-label={label}
      onClick={(event) => {
        // A finger points at nothing before it taps: then the reason is said.
        if (reason) announce(reason);
        // The second click of two is no second wish, even where the first has its answer already.
        if (reason || busy || event.detail > 1) event.preventDefault();
        else onClick?.();
      }}
    >
      {busy ? (
        <span class="spinner" aria-hidden="true" />
      ) : reason ? (
        <Icon name="lock" />
      ) : (
        icon && <Icon name={icon} />
      )}
      {children}
    </button>
  );
  if (!reason) return button;
  return (
    <span class="barred">
      {button}
      <span class="reason" id={id} role="tooltip">
        {reason}
      </span>
    </span>
  );
}

/** A button that opens a few others: what is rare, and what can't be taken back. */
export function Menu({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  const id = useId();
  useEffect(() => {
    if (!open) return;
    const close = (event: globalThis.Event): void => {
      const outside =
        event instanceof KeyboardEvent
          ? event.key === "Escape"
          : !menu.current?.contains(event.target as Node);
      if (!outside) return;
      setOpen(false);
      if (event instanceof KeyboardEvent) menu.current?.querySelector("button")?.focus();
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, [open]);
  return (
    <div class="menu" ref={menu}>
      <button
        type="button"
        class="button"
        aria-label={label}
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {/* biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: a click on an action inside closes it. */}
      <div
        class="menu-items"
        id={id}
        hidden={!open}
        onClick={(event) => (event.target as Element).closest("[aria-disabled]") || setOpen(false)}
      >
        {children}
      </div>
    </div>
  );
}

const COPIED_MILLISECONDS = 1_500;

/** A text that somebody wants elsewhere: an id, a token. */
export function Copyable({ text, what }: { text: string; what: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  const field = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      announce(t("Copied: {what}", { what }));
    } catch {
      // There is no clipboard without https: what is selected can be copied by hand.
      if (field.current) getSelection()?.selectAllChildren(field.current);
      announce(t("Selected: {what}. Copy it with the keyboard", { what }));
    }
  };
  return (
    <span class="copyable">
      <code ref={field}>{text}</code>
      <button type="button" class="button quiet small" aria-label={t("Copy {what}", { what })} onClick={copy}>
        <Icon name={copied ? "check" : "copy"} />
      </button>
    </span>
  );
}
