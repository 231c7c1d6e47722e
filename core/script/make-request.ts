/** A Request of the Web's kind from what came over the wire. */

import { joined } from "../http/fields.ts";
import type { ByteStream } from "./hooks.ts";

export interface RequestParts {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  /** Null: it has none. */
  readonly body: ByteStream | null;
  readonly signal: AbortSignal;
}

/** What HTTP allows and the Web's kind does not: a host that URLs have not, or not as that, a method that it refuses. */
export type Unmakeable = "host" | "method";

export function makeRequest({ url, method, headers, body, signal }: RequestParts): Request | Unmakeable {
  try {
    const init: RequestInit = { method, headers, signal };
    const request = new Request(url, body === null ? init : ({ ...init, body, duplex: "half" } as RequestInit));
    if (isAddressNow(url, request.url)) return "host";
    // It makes DELETE of `delete` (Fetch section 2.2.1), which is another method (RFC 9110 section 9.1): a route or a hook
    // that lets nobody delete has not seen one. Bun 1.4 makes GET of a method that it does not know.
    return request.method === method ? request : "method";
  } catch {
    return URL.canParse(url) ? "method" : "host";
  }
}

/** An address is made of `1.2.3` or `0x7f.1` (URL section 3.5), and no route has seen that. */
function isAddressNow(written: string, url: string): boolean {
  const host = hostOf(url);
  return /^[\d.]+$/.test(host) && host !== hostOf(written).replace(/\.$/, "");
}

function hostOf(url: string): string {
  return /^https?:\/\/([^/?#:]*)/.exec(url)?.[1] ?? "";
}

/** One more field; runtimes are not of one mind how cookies are joined. */
export function appendField(headers: Headers, name: string, value: string): void {
  const before = name.toLowerCase() === "cookie" ? headers.get("cookie") : null;
  if (before === null) headers.append(name, value);
  else headers.set(name, joined("cookie", before, value));
}

/** Of these the Web's kind knows no body. */
export function mayHaveBody(method: string): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** Servers may insist on a length for these, also of a body that is none (RFC 9110 section 8.6, Fetch section 4.5). */
export function saysItsLength(method: string): boolean {
  return method === "POST" || method === "PUT" || method === "PATCH";
}
