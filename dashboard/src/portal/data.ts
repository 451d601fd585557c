// What the portal reads of its API, and how a part of the page waits for it.
import { useEffect, useState } from "preact/hooks";
import type { Api, Query } from "../data/client";
import type { components } from "../data/document";
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

export interface Loading<T> {
  data: T | undefined;
  error: Error | undefined;
}

/** Read a path, and again when what is asked changes; what was there stays until then. */
export function useLoaded<T>(api: Api, path: string, query: Query = {}): Loading<T> {
  const [found, setFound] = useState<{ data?: T; error?: Error }>({});
  const asked = JSON.stringify(query);
  useEffect(() => {
    const stop = new AbortController();
    api
      .get<T>(`${PORTAL}${path}`, JSON.parse(asked) as Query, stop.signal)
      .then((data) => setFound({ data }))
      .catch((error: Error) => stop.signal.aborted || setFound((before) => ({ ...before, error })));
    return () => stop.abort();
  }, [api, path, asked]);
  return { data: found.data, error: found.error };
}
