// Who is signed in: the token is in this tab's session storage and nowhere else.
import { createContext } from "preact";
import { useCallback, useContext, useEffect, useMemo, useState } from "preact/hooks";
import { Api, Refused } from "./api";
import type { Access } from "./shapes";

const TOKEN = "aureon.token";

export interface Session {
  api: Api;
  token: string;
  access: Access;
  allows(scope: string): boolean;
  signOut(): void;
}

/** `out`, with what went wrong before, if anything did; `asking` what a token allows; or `in`. */
export type Standing =
  | { is: "out"; problem: string }
  | { is: "asking" }
  | { is: "unreachable"; problem: string; retry(): void }
  | { is: "in"; session: Session };

const EXPIRED = "This token has expired or was revoked. Sign in with another one.";
const WRONG = "This token doesn't work: it is wrong, has expired, or was revoked.";

interface Known {
  token: string;
  access: Access | null;
  problem: string;
}

const LONGEST_TIMER = 2 ** 31 - 1;

export function useStanding(): { standing: Standing; signIn(token: string): void } {
  const [{ token, access, problem }, setKnown] = useState<Known>(() => ({
    token: sessionStorage.getItem(TOKEN) ?? "",
    access: null,
    problem: "",
  }));
  const [attempt, setAttempt] = useState(0);

  const leave = useCallback((why: string | ((known: Known) => string)) => {
    sessionStorage.clear();
    setKnown((known) => ({
      token: "",
      access: null,
      problem: typeof why === "string" ? why : why(known),
    }));
  }, []);
  const api = useMemo(
    () => new Api(token, () => leave(({ access }) => (access ? EXPIRED : WRONG))),
    [token],
  );

  useEffect(() => {
    if (!token) return;
    const abort = new AbortController();
    api
      .get<Access>("v1/tokens/current", {}, abort.signal)
      .then((access) => {
        sessionStorage.setItem(TOKEN, token);
        setKnown({ token, access, problem: "" });
      })
      .catch((error) => {
        if (abort.signal.aborted || (error instanceof Refused && error.status === 401)) return;
        setKnown({ token, access: null, problem: error.message });
      });
    return () => abort.abort();
  }, [api, attempt]);

  // Out once the token expires, rather than at the next click.
  useEffect(() => {
    if (!access?.expires_at) return;
    const left = Date.parse(access.expires_at) - Date.now();
    if (left > LONGEST_TIMER) return;
    const timer = setTimeout(() => leave(EXPIRED), Math.max(left, 0));
    return () => clearTimeout(timer);
  }, [access]);

  const standing = useMemo((): Standing => {
    if (!token) return { is: "out", problem };
    if (access) {
      const allows = (scope: string): boolean => access.scopes.includes(scope);
      return { is: "in", session: { api, token, access, allows, signOut: () => leave("") } };
    }
    const retry = (): void => {
      setKnown((known) => ({ ...known, problem: "" }));
      setAttempt((count) => count + 1);
    };
    return problem ? { is: "unreachable", problem, retry } : { is: "asking" };
  }, [token, access, problem, api]);

  return { standing, signIn: (token) => setKnown({ token, access: null, problem: "" }) };
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("nobody is signed in");
  return session;
}
