import type { JSX } from "preact";

/** The mark: a coin with its rim. */
export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle class="coin" cx="16" cy="16" r="15" />
      <circle class="rim" cx="16" cy="16" r="11.5" />
      <path d="M16 8.5 22 23h-2.9l-1.3-3.3h-3.7L12.9 23H10Zm0 4.9-1.2 4h2.4Z" />
    </svg>
  );
}
