// Loading what a page shows, and keeping it fresh.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  data: T | undefined;
  error: Error | undefined;
  /** Something is under way: the first time, or another time. */
  loading: boolean;
  reload(): Promise<void>;
}

interface Options {
  /** How often to look again while the page is seen; never, unless it is said. */
  every?: number;
  skip?: boolean;
}

/**
 * Load, and again when one of `about` changes, when the page is seen again, and every so often.
 * What is there stays while the next is loaded; of answers that overtake each other the last asked
 * for stands.
 */
export function useLoad<T>(
  load: (signal: AbortSignal) => Promise<T>,
  about: unknown[],
  { every, skip = false }: Options = {},
): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: Error; loading: boolean; key: string }>({
    loading: !skip,
    key: "",
  });
  const key = JSON.stringify([...about, skip]);
  const latest = useRef(load);
  latest.current = load;
  const running = useRef<AbortController | null>(null);

  const reload = useCallback(async () => {
    if (skip) return;
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    setState((before) => ({ ...before, loading: true }));
    try {
      const data = await latest.current(abort.signal);
      if (!abort.signal.aborted) setState({ data, loading: false, key });
    } catch (error) {
      if (abort.signal.aborted) return;
      setState((before) => ({ ...before, error: error as Error, loading: false, key }));
    }
  }, [key]);

  useEffect(() => {
    void reload();
    return () => running.current?.abort();
  }, [reload]);

  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === "visible") void reload();
    };
    document.addEventListener("visibilitychange", look);
    addEventListener("online", look);
    const timer = every ? setInterval(look, every) : undefined;
    return () => {
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
      clearInterval(timer);
    };
  }, [reload, every]);

  return { data: state.data, error: state.error, loading: state.loading, reload };
}

/** A value that has not changed for a moment: for what is typed. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [JSON.stringify(value), milliseconds]);
  return settled;
}

/** Whether there is a network at all. */
export function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = (): void => setOnline(navigator.onLine);
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);
  return online;
}
