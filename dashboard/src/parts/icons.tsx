// Icons, each a few strokes on a grid of 20.
import type { JSX } from "preact";

const STROKES = {
  overview: "M3 10.5 10 4l7 6.5M5 9v7.5h10V9M8.5 16.5V12h3v4.5",
  customers: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM4 16.5c.6-3 3-4.5 6-4.5s5.4 1.5 6 4.5",
  meters: "M3.5 14.5a7 7 0 1 1 13 0M10 12.5l3.2-4.2M10 13.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z",
  liability: "M4 16.5V9M8 16.5V5M12 16.5v-5M16 16.5V7",
  events: "M3 10h3l2.2-5.5 3.6 11L14 10h3",
  bell: "M5.5 13.5h9c-1-1.2-1.2-2.4-1.2-4.3a3.3 3.3 0 0 0-6.6 0c0 1.9-.2 3.1-1.2 4.3ZM8.5 15.5a1.6 1.6 0 0 0 3 0",
  webhook:
    "M4.5 13.5a2.5 2.5 0 1 0 4.6 1.3h5.4M9 7.2a2.5 2.5 0 1 1 3.6-.9l2.2 4.6M8.9 8.8 6.4 13M10.6 4.6l0 0M13 15.9a2.5 2.5 0 1 0 .9-4.2",
  settings: "M4 6h7M15 6h1M4 14h1M9 14h7M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  copy: "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3",
  check: "m4.5 10.5 3.5 3.5 7.5-8",
  plus: "M10 4.5v11M4.5 10h11",
  minus: "M4.5 10h11",
  close: "m5.5 5.5 9 9M14.5 5.5l-9 9",
  lock: "M5.5 9.5h9v6.5h-9zM7.5 9.5V7a2.5 2.5 0 0 1 5 0v2.5",
  search: "M9 14a5 5 0 1 0 0-10 5 5 0 0 0 0 10ZM12.7 12.7 16.5 16.5",
  out: "M8 4.5H4.5v11H8M12.5 6.5 16 10l-3.5 3.5M16 10H8",
  next: "m8 5.5 4.5 4.5L8 14.5",
  previous: "M12 5.5 7.5 10l4.5 4.5",
  up: "m5.5 12 4.5-4.5 4.5 4.5",
  down: "m5.5 8 4.5 4.5L14.5 8",
  more: "M5 10h.01M10 10h.01M15 10h.01",
  download: "M10 4v8M6.5 9 10 12.5 13.5 9M4.5 16h11",
  alert: "M10 3.5 17.5 16h-15zM10 8.5v3.5M10 13.8v.2",
} as const;

export type IconName = keyof typeof STROKES;

export function Icon({ name }: { name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={STROKES[name]} />
    </svg>
  );
}
