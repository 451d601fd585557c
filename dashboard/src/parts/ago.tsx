import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ago, full } from "../text/times";

/** How long ago something was, and when exactly: a pointer or a tap shows it. */
export function Ago({ time }: { time: string }): JSX.Element {
  const [exactly, setExactly] = useState(false);
  return (
    <time
      dateTime={time}
      title={full(time)}
      onPointerUp={(event) => event.pointerType === "touch" && setExactly(!exactly)}
    >
      {exactly ? full(time) : ago(time)}
    </time>
  );
}
