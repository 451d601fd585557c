import type { JSX } from "preact";
import { ago, full } from "../times";

/** How long ago something was, and when exactly to whoever points at it. */
export function Ago({ time }: { time: string }): JSX.Element {
  return (
    <time dateTime={time} title={full(time)}>
      {ago(time)}
    </time>
  );
}
