// The customer's session: its token comes in the fragment, which no server sees, and stays in this tab.
import { Api } from "../data/client";

const TOKEN = "aureon.customer";

/** The token of the address, taken out of it, or the one that this tab had before a reload. */
export function takeToken(): string {
  const token = decodeURIComponent(location.hash.slice(1));
  try {
    if (token) {
      sessionStorage.setItem(TOKEN, token);
      history.replaceState(null, "", location.pathname + location.search);
    }
    return token || (sessionStorage.getItem(TOKEN) ?? "");
  } catch {
    // A frame may have no storage: the address keeps the token for a reload.
    return token;
  }
}

/** The organization that the address names: the one whose pages may show this in a frame. */
export const organizationId = (): string => new URLSearchParams(location.search).get("organization") ?? "";

export const theme = (): string | null => new URLSearchParams(location.search).get("theme");

export const newApi = (token: string, onEnd: () => void): Api => new Api(token, onEnd);
