/** The request that hooks see: a view that makes texts when asked, and ends with the request. */

import { byteText, decodeUtf8 } from "../bytes/text.ts";
import { cookieValue } from "../http/cookie.ts";
import { queryParameter } from "../route/query.ts";
import type { HookRequest } from "./hooks.ts";
import { appendField, makeRequest } from "./make-request.ts";

/** The request under way, as far as it is shown. */
export interface ShownRequest {
  readonly requestId: string;
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  /** With the port the client named; `""` when it named no host. */
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly listener: string;
  readonly routeId: string;
  /** What the path captured, escaped as there. */
  readonly match: { readonly names: readonly string[]; readonly captures: readonly string[] | null } | null;
  /** By lower-case name. */
  header(name: string): string | null;
  forEachField(use: (name: string, value: string) => void): void;
}

const OVER = "the request is over; take what you need of it before you wait for something that takes longer";

const ofClients = new WeakSet<object>();

/** Thrown for what a client has sent: no mistake of the hook. */
export function isOfClient(error: unknown): boolean {
  return typeof error === "object" && error !== null && ofClients.has(error);
}

export class LiveRequest implements HookRequest {
  readonly #asker: Pick<ShownRequest, "requestId">;
  /** Null: the request is over, and its memory may be another one's. */
  #shown: ShownRequest | null;
  #abort: AbortController | null = null;
  #headers: Headers | null = null;

  constructor(shown: ShownRequest) {
    this.#shown = shown;
    this.#asker = shown;
  }

  get id(): string {
    return this.#asker.requestId;
  }

  /** Nothing may be read from here on, and nobody waits for an answer. */
  end(): void {
    this.#shown = null;
    this.#abort?.abort();
  }

  get method(): string {
    return this.#here.method;
  }
  get scheme(): "http" | "https" {
    return this.#here.scheme;
  }
  get host(): string {
    return this.#here.host;
  }
  get path(): string {
    return this.#here.path;
  }
  get query(): string {
    return this.#here.query;
  }
  get url(): string {
    const { scheme, authority, path, query } = this.#here;
    const host = authority === "" ? "localhost" : authority;
    return `${scheme}://${host}${path === "*" ? "/" : path}${query === "" ? "" : `?${query}`}`;
  }
  get clientAddress(): string {
    return this.#here.clientAddress;
  }
  get clientPort(): number {
    return this.#here.clientPort;
  }
  get listener(): string {
    return this.#here.listener;
  }
  get routeId(): string {
    return this.#here.routeId;
  }
  get tls(): null {
    return null;
  }

  get params(): Readonly<Record<string, string>> {
    const { match } = this.#here;
    const captures = match?.captures ?? [];
    const named = captures.flatMap((value, index) => {
      const name = match?.names[index] ?? "";
      return name === "" ? [] : [[name, unescaped(value)] as const];
    });
    return Object.fromEntries(named);
  }

  get headers(): Headers {
    if (this.#headers === null) {
      const headers = new Headers();
      this.#here.forEachField((name, value) => appendField(headers, name, value));
      this.#headers = headers;
    }
    return this.#headers;
  }

  get cookies(): Readonly<Record<string, string>> {
    const cookies: Record<string, string> = Object.create(null);
    for (const pair of (this.#here.header("cookie") ?? "").split(";")) {
      const equals = pair.indexOf("=");
      // As `cookie` finds it.
      const name = pair.slice(0, Math.max(equals, 0)).replace(/^[ \t]+/, "");
      if (name !== "" && !(name in cookies)) cookies[name] = pair.slice(equals + 1);
    }
    return cookies;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#shown === null) this.#abort.abort();
    return this.#abort.signal;
  }

  header(name: string): string | null {
    return this.#here.header(name.toLowerCase());
  }
  cookie(name: string): string | null {
    return cookieValue(this.#here.header("cookie"), name);
  }
  queryParameter(name: string): string | null {
    const value = queryParameter(this.#here.query, byteText(name));
    return value === null ? null : (decodeUtf8(value) ?? value);
  }
  toRequest(): Request {
    const { url, method, headers, signal } = this;
    const request = makeRequest({ url, method, headers, body: null, signal });
    if (typeof request !== "string") return request;
    const error = new TypeError(`the ${request} that the client has sent cannot stand in a Request`);
    ofClients.add(error);
    throw error;
  }

  get #here(): ShownRequest {
    if (this.#shown === null) throw new Error(OVER);
    return this.#shown;
  }
}

/** As text where the bytes are UTF-8, else as it stands in the path. */
function unescaped(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
