/**
 * Whose request it is. A proxy in front of us says so in X-Forwarded-For, which anyone may send: the field is
 * read from the right, each address vouched for by the one after it, until one is not of a trusted proxy.
 *
 *     X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.2      peer 10.0.0.1, trusted 10.0.0.0/8
 *                               ^ the client    ← trusted          ← trusted
 */

import { COLON, DQUOTE, TOKEN } from "../bytes/ascii.ts";
import { trimBlanks } from "../bytes/text.ts";
import { FORWARDED_HOPS_MAX } from "../limits.ts";
import { type AddressSet, canonicalAddress, compileAddresses } from "./address-block.ts";

export class TrustedProxies {
  /** Null trusts nobody. */
  readonly #set: AddressSet | null;

  private constructor(set: AddressSet | null) {
    this.#set = set;
  }

  /** Addresses, CIDR blocks, and `unix` for whoever connects to a UNIX socket. */
  static compile(entries: readonly string[]): TrustedProxies {
    return entries.length === 0 ? TrustedProxies.nobody : new TrustedProxies(compileAddresses(entries));
  }

  static readonly nobody: TrustedProxies = new TrustedProxies(null);

  /** Whether the connection's peer (an address, or `unix`) is believed about who sent the request. */
  trusts(peer: string): boolean {
    return this.#set !== null && this.#set.has(peer) === true;
  }

  /** `forwardedFor` is the value of X-Forwarded-For, several lines joined with commas; null when there is none. */
  clientAddress(peer: string, forwardedFor: string | null): string {
    if (forwardedFor === null || !this.trusts(peer)) return peer;
    let client = peer;
    let end = forwardedFor.length;
    for (let hops = 0; hops < FORWARDED_HOPS_MAX && end >= 0; hops++) {
      const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(",", end - 1);
      const node = trimBlanks(forwardedFor.slice(comma + 1, end));
      end = comma;
      if (node === "") continue;
      const address = addressOfNode(node);
      // "unknown" or nonsense: the proxy that wrote it is the last one we know of.
      if (address === null) return client;
      client = address;
      if (!this.trusts(address)) return client;
    }
    return client;
  }
}

/**
 * Whether a Forwarded field follows its grammar (RFC 7239 section 4). Of one that doesn't, nobody can tell where an
 * element ends: what we add could end up within quotes.
 */
export function isForwarded(value: string): boolean {
  let index = skipSpace(value, 0);
  for (;;) {
    const nameEnd = tokenEnd(value, index);
    if (nameEnd === index || value[nameEnd] !== "=") return false;
    const start = nameEnd + 1;
    const end = value.charCodeAt(start) === DQUOTE ? quotedEnd(value, start) : tokenEnd(value, start);
    if (end <= start) return false;
    index = skipSpace(value, end);
    if (index === value.length) return true;
    if (value[index] !== ";" && value[index] !== ",") return false;
    index = skipSpace(value, index + 1);
  }
}

/** Address of `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80`; null for anything else. */
function addressOfNode(node: string): string | null {
  if (node.startsWith("[")) {
    const close = node.indexOf("]");
    const port = node.slice(close + 1);
    const inner = node.slice(1, close);
    return close > 0 && inner.includes(":") && isPort(port) ? canonicalAddress(inner) : null;
  }
  const colon = node.indexOf(":");
  const single = colon >= 0 && colon === node.lastIndexOf(":");
  if (single) return isPort(node.slice(colon)) ? canonicalAddress(node.slice(0, colon)) : null;
  return canonicalAddress(node);
}

/** With its colon, or nothing. */
function isPort(text: string): boolean {
  return text === "" || (text.charCodeAt(0) === COLON && /^:[0-9]{1,5}$/.test(text));
}

function tokenEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && TOKEN[text.charCodeAt(end)] === 1) end++;
  return end;
}

/** Behind the closing quote, or -1 when there is none. */
function quotedEnd(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index + 1;
  }
  return -1;
}

function skipSpace(text: string, start: number): number {
  let index = start;
  while (text[index] === " " || text[index] === "\t") index++;
  return index;
}
