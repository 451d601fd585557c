/** The API's routes as types, from the OpenAPI document. */

import type { CallOptions } from "./transport.js";
import type { paths } from "./schema.js";

type Methods = "get" | "put" | "post" | "patch" | "delete";

/** A route, such as `GET /v1/customers/{id}`. */
export type Route = {
  [Path in keyof paths]: {
    [Method in Methods]: paths[Path][Method] extends object
      ? `${Uppercase<Method>} ${Path}`
      : never;
  }[Methods];
}[keyof paths];

type Operation<Of extends Route> = Of extends `${infer Method} ${infer Path}`
  ? Path extends keyof paths
    ? Lowercase<Method> extends keyof paths[Path]
      ? paths[Path][Lowercase<Method>]
      : never
    : never
  : never;

type Content<Of> = Of extends { content: { "application/json": infer Body } }
  ? Body
  : Of extends { content: object }
    ? string
    : undefined;

/** What a route answers where all is well. */
export type Answer<Of extends Route> = Operation<Of> extends { responses: infer Answers }
  ? { [Status in keyof Answers]: Status extends 200 | 201 | 202 | 204 ? Content<Answers[Status]> : never }[keyof Answers]
  : never;

type Given<Name extends string, Value> = [Value] extends [never]
  ? {}
  : undefined extends Value
    ? { [Key in Name]?: Value }
    : { [Key in Name]: Value };

type Parameter<Of, Where extends string> = Of extends { parameters: infer All }
  ? Where extends keyof All
    ? All[Where]
    : never
  : never;

type Body<Of> = Of extends { requestBody: { content: { "application/json": infer Sent } } }
  ? Sent
  : Of extends { requestBody?: { content: { "application/json": infer Sent } } }
    ? Sent | undefined
    : never;

/** What a route takes: what its path and query say, and its body. */
export type Arguments<Of extends Route> = CallOptions &
  Given<"path", Exclude<Parameter<Operation<Of>, "path">, undefined>> &
  Given<"query", Parameter<Operation<Of>, "query">> &
  Given<"body", Body<Operation<Of>>> & {
    /** The call's id, where it takes one: sent again under it, the call counts once. */
    id?: string;
  };
