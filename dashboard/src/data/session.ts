// Who is signed in, and what they have read.
import type { QueryClient } from "@tanstack/query-core";
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { read } from "../router";
import { adoptZone } from "../text/settings";
import { t } from "../text/words";
import { Api, Refused } from "./client";
import { askFirst } from "./first";
import { askOthers, forgetToken, keepToken, keptToken, share, tellOut } from "./handover";
import { newQueries } from "./query";
import type { Access, Scope } from "./shapes";

export interface Session {
  api: Api;
  queries: QueryClient;
  access: Access;
  allows(scope: Scope): boolean;
  /** Something was changed: what is shown is asked for again. */
  refresh(): Promise<void>;
  /** What the token says of itself and its organization has changed: it is asked for again. */
  renew(): Promise<void>;
  signOut(): void;
}

/** `out`, with what went wrong before, if anything did; `asking` what a token allows; or `in`. */
export type Standing =
  | { is: "out"; problem: string }
  | { is: "asking" }
  | { is: "unreachable"; problem: string; retry(): void }
  | { is: "in"; session: Session };

interface Known {
  /** Null while the other tabs are asked. */
  token: string | null;
  access: Access | null;
  problem: string;
}

const LONGEST_TIMER = 2 ** 31 - 1;
const OUT: Known = { token: "", access: null, problem: "" };

export function useStanding(): { standing: Standing; signIn(token: string): void } {
  const [{ token, access, problem }, setKnown] = useState<Known>(() => ({
    ...OUT,
    token: keptToken() || null,
  }));
  const [attempt, setAttempt] = useState(0);

  const leave = useCallback((why: (known: Known) => string) => {
    forgetToken();
    setKnown((known) => ({ ...OUT, problem: why(known) }));
  }, []);
  const expire = useCallback(
    () =>
      leave(({ access }) =>
        access
          ? t("This token has expired or was revoked. Sign in with another one.")
          : t("This token doesn't work: it is wrong, has expired, or was revoked."),
      ),
    [leave],
  );
  const api = useMemo(() => new Api(token ?? "", expire), [token, expire]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what one token may read is nothing for another.
  const queries = useMemo(newQueries, [token]);

  useEffect(() => {
    if (token === null)
      void askOthers().then((token) =>
        setKnown((known) => (known.token === null ? { ...known, token } : known)),
      );
  }, [token]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: an attempt asks again.
  useEffect(() => {
    if (!token) return;
    const abort = new AbortController();
    if (read().parts.length === 0) askFirst(api, queries);
    api
      .get<Access>("v1/tokens/current", {}, abort.signal)
      .then((access) => {
        keepToken(token);
        adoptZone(access.organization_time_zone ?? "");
        setKnown({ token, access, problem: "" });
      })
      .catch((error) => {
        if (abort.signal.aborted || (error instanceof Refused && error.status === 401)) return;
        setKnown({ token, access: null, problem: error.message });
      });
    return () => abort.abort();
  }, [api, attempt]);

  useEffect(
    () => (token && access ? share(token, () => leave(() => "")) : undefined),
    [token, access, leave],
  );

  // Mounted, what is shown is read again when the tab is looked at, or the network is back.
  useEffect(() => {
    queries.mount();
    return () => queries.unmount();
  }, [queries]);

  // Out once the token expires, rather than at the next click.
  useEffect(() => {
    if (!access?.expires_at) return;
    const left = Date.parse(access.expires_at) - Date.now();
    if (left > LONGEST_TIMER) return;
    const timer = setTimeout(expire, Math.max(left, 0));
    return () => clearTimeout(timer);
  }, [access, expire]);

  const standing = useMemo((): Standing => {
    if (token === "") return { is: "out", problem };
    if (token && access) {
      const signOut = (): void => {
        tellOut(token);
        leave(() => "");
      };
      const refresh = (): Promise<void> => queries.invalidateQueries();
      const renew = async (): Promise<void> => {
        const access = await api.get<Access>("v1/tokens/current");
        adoptZone(access.organization_time_zone ?? "");
        setKnown((known) => (known.token === token ? { ...known, access } : known));
      };
      const allows = (scope: Scope): boolean => access.scopes.includes(scope);
      return { is: "in", session: { api, queries, access, allows, refresh, renew, signOut } };
    }
    const retry = (): void => {
      setKnown((known) => ({ ...known, problem: "" }));
      setAttempt((count) => count + 1);
    };
    return problem ? { is: "unreachable", problem, retry } : { is: "asking" };
  }, [token, access, problem, api, queries, leave]);

  return { standing, signIn: (token) => setKnown({ ...OUT, token }) };
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in");
  return session;
}
