// The API, at the same origin and below the same stage as this page.
import { readJson, writeJson } from "../text/numbers";
import { t } from "../text/words";

export interface Problem {
  type: string;
  loc: string[];
  msg: string;
}

/** An answer that refuses. `problems` name the fields of a form. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly problems: Problem[] = [],
    /** When a reader should ask again, where the answer says so. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

/** No answer: whether the request arrived is unknown. */
export class Unreachable extends Error {}

/** Whether what was sent may have been done all the same. */
export const isUnknown = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && error.status >= 500);

export type Query = Record<string, string | number | boolean | string[] | undefined>;

interface Options {
  query?: Query;
  body?: unknown;
  signal?: AbortSignal;
}

const BASE = new URL(".", location.href.split("#")[0]);

/** Where clients reach the API. */
export const HOST = BASE.href.replace(/\/$/, "");

export class Api {
  constructor(
    private readonly token: string,
    private readonly onInvalidToken: () => void,
  ) {}

  get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, { query, signal });
  }

  post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
    return this.call<T>("POST", path, { body, signal });
  }

  patch<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>("PATCH", path, { body });
  }

  put<T>(path: string, body: unknown): Promise<T> {
    return this.call<T>("PUT", path, { body });
  }

  delete(path: string, query?: Query): Promise<void> {
    return this.call("DELETE", path, { query });
  }

  /** A text as it was sent, and the headers: a part of an export. */
  async text(path: string, query?: Query): Promise<{ text: string; headers: Headers }> {
    const answer = await this.fetch("GET", path, { query });
    if (!answer.ok) await this.read(answer);
    return { text: await answer.text(), headers: answer.headers };
  }

  private async call<T>(method: string, path: string, options: Options): Promise<T> {
    return this.read<T>(await this.fetch(method, path, options));
  }

  private async fetch(method: string, path: string, options: Options): Promise<Response> {
    const url = new URL(path.replace(/^\//, ""), BASE);
    for (const [name, value] of Object.entries(options.query ?? {})) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== "") url.searchParams.append(name, String(one));
      }
    }
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (options.body !== undefined) headers["Content-Type"] = "application/json";
    try {
      return await fetch(url, {
        method,
        headers,
        body: options.body === undefined ? undefined : writeJson(options.body),
        signal: options.signal,
        cache: "no-store",
        credentials: "omit",
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new Unreachable(t("The service can't be reached. Check your connection."));
    }
  }

  private async read<T>(answer: Response): Promise<T> {
    let text: string;
    try {
      text = await answer.text();
    } catch {
      throw new Unreachable(t("The answer was cut off. Check your connection."));
    }
    const body = parsed(text);
    if (answer.ok) return body as T;
    if (answer.status === 401) this.onInvalidToken();
    throw refusal(answer, body);
  }
}

function parsed(text: string): unknown {
  try {
    return text ? readJson(text) : null;
  } catch {
    return null;
  }
}

function refusal({ status, headers }: Response, body: unknown): Refused {
  const { detail, error_description } = (body ?? {}) as Record<string, unknown>;
  const retryAfter = Number(headers.get("Retry-After") ?? 1);
  if (Array.isArray(detail)) {
    const problems = detail.map((one) => ({ ...one, loc: one.loc.map(String) }) as Problem);
    return new Refused(status, problems.map((problem) => problem.msg).join(" "), problems);
  }
  if (status === 404) return new Refused(status, t("This does not exist, or no longer does."));
  const said = detail ?? error_description;
  const message =
    typeof said === "string" ? said : t("The service answered with status {status}.", { status });
  return new Refused(status, message, [], retryAfter);
}
