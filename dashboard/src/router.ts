// Pages are in the address's fragment, so that they work below any stage and need no server. What a
// page shows of itself is there too: page, range, meter, zone, and the form that is open.
import { useEffect, useState } from "preact/hooks";

export interface Route {
  parts: string[];
  query: URLSearchParams;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const update = (): void => setRoute(read());
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return route;
}

/** What the address says now: later than what was last shown, where much happens at once. */
export function read(): Route {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export type Terms = Record<string, string | number | undefined | null>;

/** The address of a page: `href(["customers", id], { page: 2 })`. */
export function href(parts: string[], terms: Terms = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(terms)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const path = parts.map(encodeURIComponent).join("/");
  return `#/${path}${query.size ? `?${query}` : ""}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Change what a page shows without a step in the history: what is typed, what is chosen. */
export function amend(changed: Terms): void {
  const { parts, query } = read();
  history.replaceState(null, "", href(parts, { ...Object.fromEntries(query), ...changed }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The number of a page of a list, from an address that anybody may have typed. */
export const pageOf = (query: URLSearchParams): number =>
  Math.max(1, Math.floor(Number(query.get("page"))) || 1);
