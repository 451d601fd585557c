// What the overview shows first is asked for before it is known who asks: a round trip less.
import type { QueryClient } from "@tanstack/query-core";
import type { Api } from "./client";
import { reading } from "./query";

export const FIRST = {
  meters: { query: { limit: 100 } },
  overview: {},
} as const;

/** Ask; what the token may not read is found out again by the page, which says so. */
export function askFirst(api: Api, queries: QueryClient): void {
  void queries.prefetchQuery(reading(api, "/v1/meters/", FIRST.meters));
  void queries.prefetchQuery(reading(api, "/v1/overview", FIRST.overview));
}
