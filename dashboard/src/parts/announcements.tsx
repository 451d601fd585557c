// What happened, said once to whoever looks and to whoever listens.
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

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
  }, [said.count]);
  return (
    <div class="announcements" role="status">
      {said.text && <p key={said.count}>{said.text}</p>}
    </div>
  );
}
