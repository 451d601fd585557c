// Reading the API: answers are shared by what was asked, kept while they are fresh, and asked for
// again without ever giving up on what is under way.
import {
  keepPreviousData,
  notifyManager,
  QueryClient,
  QueryObserver,
  type QueryObserverOptions,
} from "@tanstack/query-core";
import { useEffect, useReducer, useState } from "preact/hooks";
import { type Api, Refused } from "./client";
import { useSession } from "./session";
import type { Answer, ReadPath, Terms } from "./shapes";

const FRESH_MILLISECONDS = 2_000;
const KEPT_MILLISECONDS = 300_000;
const MOST_RETRIES = 2;
const LONGEST_WAIT_SECONDS = 5;

export function newQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MILLISECONDS,
        gcTime: KEPT_MILLISECONDS,
        // What is asked without a network fails at once and says so.
        networkMode: "always",
        retry: (failures, error) =>
          failures < MOST_RETRIES && error instanceof Refused && [429, 503].includes(error.status),
        retryDelay: (_, error) =>
          1000 * Math.min((error as Refused).retryAfterSeconds ?? 1, LONGEST_WAIT_SECONDS),
      },
    },
  });
}

export interface Loaded<T> {
  data: T | undefined;
  error: Error | null;
  /** The data is of an earlier selection: not of what is asked now. */
  stale: boolean;
  reload(): Promise<unknown>;
}

export interface ReadOptions {
  /** How often to look again while the page is seen; never, unless it is said. */
  every?: number;
  skip?: boolean;
  /** Show the answer to an earlier selection, as such, until there is one to this. */
  keep?: boolean;
}

type AskedFor = Terms<ReadPath>;

/** What to ask, and what it is known by. */
export function reading<Path extends ReadPath>(api: Api, path: Path, terms: Terms<Path>) {
  const { path: names, query } = terms as AskedFor & { path?: Record<string, string> };
  const address = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(names?.[name] ?? ""));
  return {
    queryKey: [address, query ?? {}] as const,
    queryFn: ({ signal }: { signal: AbortSignal }) => api.get<Answer<Path>>(address, query, signal),
  };
}

/** Read a path of the API, and again as it is said. */
export function useRead<Path extends ReadPath>(
  path: Path,
  terms: Terms<Path>,
  options: ReadOptions = {},
): Loaded<Answer<Path>> {
  const { api } = useSession();
  return useQuery<Answer<Path>>(reading(api, path, terms), options);
}

interface Asked<T> {
  queryKey: readonly unknown[];
  queryFn(context: { signal: AbortSignal }): Promise<T>;
}

/** What is asked, observed from a component. */
export function useQuery<T>({ queryKey, queryFn }: Asked<T>, { every, skip, keep }: ReadOptions): Loaded<T> {
  const { queries } = useSession();
  const options = queries.defaultQueryOptions<T, Error, T, T, readonly unknown[]>({
    queryKey,
    queryFn,
    enabled: !skip,
    refetchInterval: every ?? false,
    placeholderData: keep ? keepPreviousData : undefined,
  } as QueryObserverOptions<T, Error, T, T, readonly unknown[]>);
  const [observer] = useState(() => new QueryObserver<T, Error, T, T, readonly unknown[]>(queries, options));
  const [, render] = useReducer((count: number) => count + 1, 0);
  const result = observer.getOptimisticResult(options);
  useEffect(() => observer.subscribe(notifyManager.batchCalls(() => render(undefined))), [observer]);
  useEffect(() => observer.setOptions(options));
  return {
    data: result.data,
    error: result.error,
    stale: result.isPlaceholderData,
    reload: () => observer.refetch(),
  };
}

type Together<T> = { [Name in keyof T]: T[Name] extends Loaded<infer Data> ? Data : never };

/** Several answers as one, which is there when all of them are. */
export function together<T extends Record<string, Loaded<unknown>>>(parts: T): Loaded<Together<T>> {
  const all = Object.entries(parts);
  const there = all.every(([, part]) => part.data !== undefined);
  return {
    data: there
      ? (Object.fromEntries(all.map(([name, part]) => [name, part.data])) as Together<T>)
      : undefined,
    error: all.find(([, part]) => part.error)?.[1].error ?? null,
    stale: all.some(([, part]) => part.stale),
    reload: () => Promise.all(all.map(([, part]) => part.reload())),
  };
}

/** A value that has not changed for a moment: for what is typed. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  const text = JSON.stringify(value);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is equal is the same.
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [text, milliseconds]);
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
