// Changing something that others change too: only what was changed is sent, and what somebody else
// has changed meanwhile is said before anything is.
import { useState } from "preact/hooks";
import { writeJson } from "../text/numbers";

/** What of some fields is not as it was. */
export function changedOnly<T extends object>(before: T, after: T): Partial<T> {
  const names = Object.keys(after) as (keyof T)[];
  return Object.fromEntries(
    names
      .filter((name) => writeJson(after[name]) !== writeJson(before[name]))
      .map((name) => [name, after[name]]),
  ) as Partial<T>;
}

interface Changeable {
  modified_at: string | null;
}

export interface Guard<T> {
  /** What it is now, where somebody else has changed it since it was opened here. */
  theirs: T | undefined;
  /** Whether it is as it was when it was last looked at: if not, it is shown first. */
  unchanged(): Promise<boolean>;
}

export function useGuard<T extends Changeable>(opened: T, read: () => Promise<T>): Guard<T> {
  const [theirs, setTheirs] = useState<T>();
  const unchanged = async (): Promise<boolean> => {
    const now = await read();
    if (now.modified_at === (theirs ?? opened).modified_at) return true;
    setTheirs(now);
    return false;
  };
  return { theirs, unchanged };
}
