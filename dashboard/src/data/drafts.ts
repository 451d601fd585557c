// What is not finished: the fields of a form, until it is sent or given up. Signing out, expiry and
// another page keep it; only the tab's end does not.
import { useCallback, useState } from "preact/hooks";
import { useSession } from "./session";

const kept = new Map<string, unknown>();

export interface Draft<T> {
  values: T;
  set(part: Partial<T>): void;
  forget(): void;
}

/** The fields of a form, by a name that says which form it is. */
export function useDraft<T extends object>(name: string, initial: () => T): Draft<T> {
  const { access } = useSession();
  const key = `${access.organization_id}/${name}`;
  const [values, setValues] = useState<T>(() => (kept.get(key) as T | undefined) ?? initial());
  const set = useCallback(
    (part: Partial<T>) =>
      setValues((before) => {
        const after = { ...before, ...part };
        kept.set(key, after);
        return after;
      }),
    [key],
  );
  const forget = useCallback(() => void kept.delete(key), [key]);
  return { values, set, forget };
}
