/**
 * What may stand in the texts of a route. Each answers what is wrong, or null. Everything that may end up
 * on the wire holds code points up to 0xff only: writers of latin1 cut the rest off, and "\u560d\u560a" would
 * become CR LF (J06).
 */

import ipaddr from "ipaddr.js";
import { METHOD_BYTES_MAX } from "../limits.ts";
import { uneditable } from "../route/field-edits.ts";

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a map from header names may be keyed by. */
export const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

/** `example.com`, `*.example.com`, `192.0.2.1`, `[::1]`. */
export function hostPattern(value: string): string | null {
  // nginx's `server_name _`, which no request names.
  if (value === "*" || value === "_") return "leave `host` out to match every host";
  if (/^\.[a-z0-9]/i.test(value)) return `write ["${value.slice(1)}", "*${value}"]`;
  // `route/hosts.ts` turns other scripts into their ASCII form.
  if (/[^\x21-\x7e]/.test(value)) return /[\s\p{Cc}]/u.test(value) ? "not a host name" : null;
  if (value.includes("/")) return "write a host name without scheme and path";
  if (value.startsWith("[")) {
    return value.endsWith("]") && ipaddr.IPv6.isValid(value.slice(1, -1))
      ? null
      : 'write an IPv6 host as "[::1]", without port';
  }
  if (ipaddr.IPv6.isValid(value)) return `write "[${value}]"`;
  if (value.includes(":")) return "leave out the port; `listener` tells ports apart";
  const name = value.startsWith("*.") ? value.slice(2) : value;
  if (name.includes("*")) return '`*` stands only at the beginning, as in "*.example.com"';
  if (name.length > 253 || !/^[a-z0-9_]([a-z0-9_-]*)(\.[a-z0-9_][a-z0-9_-]*)*\.?$/i.test(name))
    return "not a host name";
  return null;
}

/** `/old`, `/api/*`, `/users/:id`, `/users/:id/*`; `*` for `OPTIONS *`. */
export function pathPattern(value: string): string | null {
  if (value === "*") return null;
  const common = pathProblem(value);
  if (common !== null) return common;
  const segments = value.slice(1).split("/");
  const names = new Set<string>();
  for (const [index, segment] of segments.entries()) {
    if (segment === "*" && index === segments.length - 1) continue;
    if (segment.includes("*"))
      return '`*` stands only as the last segment, as in "/api/*"; for the rest there is { regex: "…" }';
    if (!segment.startsWith(":")) continue;
    const name = segment.slice(1);
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,63}$/.test(name)) return `"${segment}" is no parameter; write a name such as ":id"`;
    if (names.has(name)) return `has the parameter ":${name}" twice`;
    names.add(name);
  }
  return null;
}

/** What `rewrite.stripPrefix` takes off: `/api`, `/api/`. */
export function pathPrefix(value: string): string | null {
  if (value.endsWith("*")) return `write it without the star: "${value.replace(/\/?\*+$/, "") || "/"}"`;
  return pathProblem(value);
}

export function methodProblem(value: string): string | null {
  if (!TOKEN.test(value) || value.length > METHOD_BYTES_MAX) return 'not a method; write one such as "GET"';
  const upper = value.toUpperCase();
  const usual = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"];
  return upper !== value && usual.includes(upper) ? `methods tell case apart; write "${upper}"` : null;
}

/** The name of a header that may be set, added or removed. */
export function fieldName(value: string): string | null {
  if (!TOKEN.test(value)) return 'not a header name; write one such as "X-Request-Id"';
  if (value.toLowerCase() === "host") return "use the route's `host:` for it";
  const reason = uneditable(value);
  return reason === null ? null : `cannot be edited: it ${reason}`;
}

/** Text that is written into a header or a request line. */
export function fieldValue(value: string): string | null {
  if (/[\r\n]/.test(value))
    return "has a line break, which cannot stand in a header; in YAML, write it in quotes on one line";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through
  if (/[\x00-\x08\x0b-\x1f\x7f]/.test(value)) return "has a control character, which cannot stand in a header";
  const beyond = [...value].find((char) => (char.codePointAt(0) ?? 0) > 0xff);
  if (beyond === undefined) return null;
  return `has ${JSON.stringify(beyond)}, which cannot stand in a header; write it percent-encoded or leave it out`;
}

export function redirectTarget(value: string): string | null {
  const common = fieldValue(value);
  if (common !== null) return common;
  if (value === "") return 'is empty; write a target such as "/new" or "https://example.com/"';
  // Variables stand in `${…}`; they hold no spaces either.
  if (/[^\x21-\x7e]/.test(value)) return "has a space or a character beyond ASCII; write it percent-encoded";
  return null;
}

/** Shared by everything that is a path as it comes over the wire. */
function pathProblem(value: string): string | null {
  if (/^(~|\^)/.test(value)) return 'a regular expression is written { regex: "^/u/[0-9]+$" }, a prefix "/api/*"';
  if (!value.startsWith("/")) return `must begin with "/", as in "/${value.replace(/^[*]/, "")}"`;
  if (/[?#]/.test(value)) return "is a path only; use `query` for what follows the `?`";
  if (/[^\x21-\x7e]/.test(value))
    return "has a space or a character beyond ASCII; write it percent-encoded, as it comes over the wire";
  if (value.split("/").some((segment) => segment === "." || segment === ".."))
    return "has a dot segment, which no request can match";
  return null;
}
