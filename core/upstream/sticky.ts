/**
 * Keeps a client at the server it had first, by a cookie, whatever the balancer would say:
 *
 *     millrace-app=3f9c…24 digits….a07d…32 digits…
 *                  name           signature
 *
 * The name says nothing about the server, and the signature can't be made without the secret: a cookie that is forged,
 * or names a server that is gone, is taken for none. Both come from the secret and the server's address alone, so that
 * several proxies with the same secret, and this one after a restart, understand each other's cookies.
 */

import { bytesOf } from "../bytes/text.ts";
import { cookieValue } from "../http/cookie.ts";
import type { Runtime } from "../runtime.ts";
import type { StickyDefinition } from "./definition.ts";
import type { Endpoint } from "./endpoint.ts";
import type { KeyedRequest } from "./hash-key.ts";

const NAME_BYTES = 12;
const SIGNATURE_BYTES = 16;

export class Sticky {
  readonly #upstream: string;
  /** Its name. */
  readonly cookie: string;
  readonly #attributes: string;
  readonly #sign: (text: string) => Uint8Array;
  #endpoints: readonly Endpoint[] = [];
  /** By the name in the cookie; made when the first one comes. */
  #byName: ReadonlyMap<string, Endpoint> | null = null;
  /** Of each server's key what stands in its cookie: two signatures, worked out once. */
  #values = new Map<string, string>();

  constructor(upstream: string, { cookie, secret, maxAgeSeconds }: StickyDefinition, runtime: Runtime) {
    this.#upstream = upstream;
    this.cookie = cookie;
    const maxAge = maxAgeSeconds === null ? "" : `; Max-Age=${maxAgeSeconds}`;
    this.#attributes = `; Path=/${maxAge}; HttpOnly; SameSite=Lax`;
    const key = new TextEncoder().encode(secret);
    this.#sign = (text) => runtime.hmacSha256(key, bytesOf(text));
  }

  /** The servers from now on. */
  follow(endpoints: readonly Endpoint[]): void {
    this.#endpoints = endpoints;
    this.#byName = null;
    const kept = new Map<string, string>();
    for (const { key } of endpoints) {
      const value = this.#values.get(key);
      if (value !== undefined) kept.set(key, value);
    }
    this.#values = kept;
  }

  /** The server that the request's cookie names; null without a cookie that is good. */
  find(request: KeyedRequest): Endpoint | null {
    const value = cookieValue(request.header("cookie"), this.cookie);
    if (value === null || value.length !== (NAME_BYTES + SIGNATURE_BYTES) * 2 + 1) return null;
    this.#byName ??= new Map(this.#endpoints.map((endpoint) => [nameIn(this.#valueOf(endpoint)), endpoint]));
    const endpoint = this.#byName.get(nameIn(value));
    return endpoint !== undefined && equalsInConstantTime(this.#valueOf(endpoint), value) ? endpoint : null;
  }

  /** The Set-Cookie line that names `endpoint`. */
  cookieFor(endpoint: Endpoint, isSecure: boolean): string {
    return `${this.cookie}=${this.#valueOf(endpoint)}${this.#attributes}${isSecure ? "; Secure" : ""}`;
  }

  #valueOf({ key }: Endpoint): string {
    let value = this.#values.get(key);
    if (value === undefined) {
      const name = hex(this.#sign(`server\0${this.#upstream}\0${key}`), NAME_BYTES);
      value = `${name}.${hex(this.#sign(`cookie\0${this.#upstream}\0${name}`), SIGNATURE_BYTES)}`;
      this.#values.set(key, value);
    }
    return value;
  }
}

function nameIn(value: string): string {
  return value.slice(0, NAME_BYTES * 2);
}

/** For the first wrong character as for the last, so that nobody can measure how far a guess was right. */
function equalsInConstantTime(expected: string, given: string): boolean {
  let difference = expected.length ^ given.length;
  for (let i = 0; i < expected.length; i++) difference |= expected.charCodeAt(i) ^ given.charCodeAt(i);
  return difference === 0;
}

function hex(bytes: Uint8Array, count: number): string {
  let text = "";
  for (let i = 0; i < count; i++) text += bytes[i]!.toString(16).padStart(2, "0");
  return text;
}
