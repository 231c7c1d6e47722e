/** The part of a request that decides, by its hash, which server it goes to. */

import { cookieValue } from "../http/cookie.ts";
import { queryParameter } from "../route/query.ts";

export type HashPart =
  | { readonly kind: "header" | "cookie" | "query"; readonly name: string }
  | { readonly kind: "path" | "host" | "client-address" };

/** What may be asked of a request: only what is hashed is made. */
export interface KeyedRequest {
  readonly path: string;
  readonly query: string;
  readonly host: string;
  readonly clientAddress: string;
  /** By lower-case name. */
  header(name: string): string | null;
}

/** `""` when the request lacks it. */
export function hashKeyOf(part: HashPart, request: KeyedRequest): string {
  switch (part.kind) {
    case "header":
      return request.header(part.name) ?? "";
    case "cookie":
      return cookieValue(request.header("cookie"), part.name) ?? "";
    case "query":
      return queryParameter(request.query, part.name) ?? "";
    case "path":
      return request.path;
    case "host":
      return request.host;
    case "client-address":
      return request.clientAddress;
  }
}
