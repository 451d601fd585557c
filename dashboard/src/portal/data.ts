// What the portal reads of its API, and how a part of the page waits for it.
import { useEffect, useState } from "preact/hooks";
import type { Api, Query } from "../data/client";
import type { components } from "../data/document";
import type { Loaded } from "../data/query";
import type { Exact } from "../data/shapes";

type Schemas = components["schemas"];
export type Session = Exact<Schemas["PortalSession"]>;
export type Customer = Exact<Schemas["PortalCustomer"]>;
export type Balance = Exact<Schemas["PortalMeter"]>;
export type Quantities = Exact<Schemas["Quantities"]>;
export type Group = Exact<Schemas["QuantityGroup"]>;
export type Statement = Exact<Schemas["Statement"]>;
export type Line = Exact<Schemas["StatementLine"]>;

export const PORTAL = "/v1/customer-portal";

/** Read a path, and again when what is asked changes; what was there stays until then, as stale. */
export function useLoaded<T>(api: Api, path: string, query: Query = {}): Loaded<T> {
  const [found, setFound] = useState<{ data?: T; of?: string; error?: Error }>({});
  const [attempt, setAttempt] = useState(0);
  const asked = JSON.stringify([path, query]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt asks the same again.
  useEffect(() => {
    const stop = new AbortController();
    const [path, query] = JSON.parse(asked) as [string, Query];
    api
      .get<T>(`${PORTAL}${path}`, query, stop.signal)
      .then((data) => setFound({ data, of: asked }))
      .catch((error: Error) => stop.signal.aborted || setFound((before) => ({ ...before, error })));
    return () => stop.abort();
  }, [api, asked, attempt]);
  return {
    data: found.data,
    error: found.error ?? null,
    stale: found.data !== undefined && found.of !== asked,
    reload: async () => setAttempt(attempt + 1),
  };
}
