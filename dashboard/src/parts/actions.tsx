// What can be done: buttons and links, and why one can't be used.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useSession } from "../session";
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
  needs?: string;
  label?: string;
}

export function Button(props: ButtonProps): JSX.Element {
  const { children, onClick, kind = "plain", icon, type = "button", busy, needs, label } = props;
  const session = useSession();
  const id = useId();
  const reason = needs && !session.allows(needs) ? `Your token lacks the scope ${needs}.` : "";
  const button = (
    <button
      type={type}
      class={`button ${kind}`}
      aria-disabled={reason || busy ? "true" : undefined}
      aria-describedby={reason ? id : undefined}
      aria-label={label}
      onClick={(event) => {
        // The second click of two is no second wish, even where the first has its answer already.
        if (reason || busy || event.detail > 1) event.preventDefault();
        else onClick?.();
      }}
    >
      {busy ? <span class="spinner" aria-hidden="true" /> : reason ? <Icon name="lock" /> : icon && <Icon name={icon} />}
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
      announce(`Copied the ${what}`);
    } catch {
      // There is no clipboard without https: what is selected can be copied by hand.
      if (field.current) getSelection()?.selectAllChildren(field.current);
      announce(`Selected the ${what}: copy it with the keyboard`);
    }
  };
  return (
    <span class="copyable">
      <code ref={field}>{text}</code>
      <button type="button" class="button quiet small" aria-label={`Copy ${what}`} onClick={copy}>
        <Icon name={copied ? "check" : "copy"} />
      </button>
    </span>
  );
}
