/** A request as a person writes it, `GET https://a.example/x`, taken apart and made into the bytes a client would send. */

import { bytesOf } from "../bytes/text.ts";
import { canonicalAddress, UNIX_CLIENT } from "../http/address-block.ts";

export interface RequestLine {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** As it stands in the `Host` field. */
  readonly authority: string;
  /** Path and query, byte for byte as written. */
  readonly target: string;
}

export type HeaderFields = readonly (readonly [string, string])[];

/** What a client is that nobody named: an address of no network (RFC 5737), so that nobody trusts it by chance. */
export const DEFAULT_CLIENT = "192.0.2.1";
const DEFAULT_HOST = "localhost";

const LINE = /^(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +)?(?:(https?):\/\/([^/?#]+))?([/?*][^#]*)?$/i;
const FORMS = '"GET https://a.example/x", "GET /x" or "https://a.example/x"';

/** What somebody asked for can't be sent; any other TypeError is a defect of ours. */
export class NoRequest extends TypeError {
  override readonly name = "NoRequest";
}

/** What is wrong with the address a request is said to come from; null: nothing. */
export function clientProblem(client: string): string | null {
  if (client === UNIX_CLIENT || canonicalAddress(client) !== null) return null;
  return `${JSON.stringify(client)} is no IP address; write one such as 192.0.2.1`;
}

/** Nothing is normalised: what is written is what is sent. Throws `NoRequest` when it can't be sent. */
export function parseRequestLine(line: string): RequestLine {
  const match = LINE.exec(line);
  // What is copied from a browser has one.
  if (line.includes("#"))
    throw new NoRequest(`${JSON.stringify(line)} has a fragment, which is never sent: leave out "#" and what follows`);
  if (match === null || line === "" || (match[3] === undefined && match[4] === undefined))
    throw new NoRequest(`${JSON.stringify(line)} is no request: write ${FORMS}`);
  const [, method = "GET", scheme = "http", authority = DEFAULT_HOST, rest = "/"] = match;
  const target = rest.startsWith("?") ? `/${rest}` : rest;
  const bad = /[^\x21-\x7e]/.exec(authority + target);
  if (bad !== null)
    throw new NoRequest(`${JSON.stringify(line)} holds ${JSON.stringify(bad[0])}: escape it, as in %20`);
  return { method, scheme: scheme.toLowerCase() === "https" ? "https" : "http", authority, target };
}

/** The bytes of its head. `Host` comes by itself unless given, and `Content-Length` as `bodyBytes` says; -1: none. */
export function headOfRequest(line: RequestLine, fields: HeaderFields, bodyBytes = -1): Uint8Array {
  const { method, authority, target } = line;
  const has = (wanted: string): boolean => fields.some(([name]) => name.toLowerCase() === wanted);
  const all: (readonly [string, string])[] = has("host") ? [...fields] : [["Host", authority], ...fields];
  const isFramed = has("content-length") || has("transfer-encoding");
  if (!isFramed && bodyBytes >= 0) all.push(["Content-Length", String(bodyBytes)]);
  return bytesOf(`${method} ${target} HTTP/1.1\r\n${all.map(lineOf).join("")}\r\n`);
}

function lineOf([name, value]: readonly [string, string]): string {
  if (/[\r\n\0]/.test(name + value)) throw new NoRequest(`header ${JSON.stringify(name)} holds a line break or NUL`);
  if (/[^\0-\xff]/.test(name + value))
    throw new NoRequest(`header ${JSON.stringify(name)} holds a character beyond U+00FF`);
  return `${name}: ${value}\r\n`;
}
