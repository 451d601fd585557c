// What happened, shown once and said once to screen readers.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import "./announcements.css";

const SHOWN_MILLISECONDS = 5_000;
let say: (text: string) => void = () => {};

export function announce(text: string): void {
  say(text);
}

export function Announcements(): JSX.Element {
  const [said, setSaid] = useState({ text: "", count: 0 });
  say = (text) => setSaid(({ count }) => ({ text, count: count + 1 }));
  useEffect(() => {
    if (!said.text) return;
    const timer = setTimeout(() => setSaid(({ count }) => ({ text: "", count })), SHOWN_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div class="announcements" role="status">
      {said.text && <p key={said.count}>{said.text}</p>}
    </div>
  );
}
