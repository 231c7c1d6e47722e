/**
 * Numbers for the fields we act upon, found from the bytes of a name without making a string. Names that only
 * differ by `_` or `.` where ours has `-` are recognised too, as aliases: servers behind us may take them for the
 * real ones (CGI turns both into `_`).
 */

import { LOWER } from "../bytes/ascii.ts";
import { writeLatin1 } from "../bytes/text.ts";

/** Every known name, lower case; the index is its id. */
export const KNOWN_FIELDS = [
  "",
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "http2-settings",
  "x-forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "forwarded",
  "true-client-ip",
  "cf-connecting-ip",
  "x-client-ip",
  "client-ip",
  "fastly-client-ip",
  "x-cluster-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-original-host",
  "x-host",
  "x-url-scheme",
  "front-end-https",
  "proxy",
  "via",
  "date",
  "content-type",
  "authorization",
  "www-authenticate",
  "accept",
  "sec-websocket-key",
  "sec-websocket-version",
  "cookie",
  "x-client-cert",
  "ssl-client",
] as const;

export type KnownFieldName = Exclude<(typeof KNOWN_FIELDS)[number], "">;

const id = (name: KnownFieldName): number => KNOWN_FIELDS.indexOf(name);

export const UNKNOWN = 0;
export const HOST = id("host");
export const CONNECTION = id("connection");
export const CONTENT_LENGTH = id("content-length");
export const TRANSFER_ENCODING = id("transfer-encoding");
export const TE = id("te");
export const TRAILER = id("trailer");
export const UPGRADE = id("upgrade");
export const EXPECT = id("expect");
export const KEEP_ALIVE = id("keep-alive");
export const PROXY_CONNECTION = id("proxy-connection");
export const PROXY_AUTHENTICATE = id("proxy-authenticate");
export const PROXY_AUTHORIZATION = id("proxy-authorization");
export const HTTP2_SETTINGS = id("http2-settings");
export const X_FORWARDED = id("x-forwarded");
export const X_FORWARDED_PROTO = id("x-forwarded-proto");
export const X_FORWARDED_HOST = id("x-forwarded-host");
export const PROXY = id("proxy");
export const VIA = id("via");
export const DATE = id("date");
export const CONTENT_TYPE = id("content-type");
export const AUTHORIZATION = id("authorization");
export const WWW_AUTHENTICATE = id("www-authenticate");
export const SEC_WEBSOCKET_KEY = id("sec-websocket-key");
export const SEC_WEBSOCKET_VERSION = id("sec-websocket-version");
export const X_CLIENT_CERT = id("x-client-cert");
export const SSL_CLIENT = id("ssl-client");

/** Host, and the fields that say where the message ends or what becomes of the connection behind it. */
export function isFraming(id: number): boolean {
  return id === HOST || id === CONTENT_LENGTH || id === TRANSFER_ENCODING || id === CONNECTION;
}

/** Added to an id when the name was written with `_` or `.` for `-`. */
export const ALIAS = 0x40;

const NAME_BYTES_MAX = 32;

// Candidates by length and first letter; at most a few share a cell.
const CELLS: (readonly number[] | undefined)[] = new Array(NAME_BYTES_MAX * 32);
for (let each = 1; each < KNOWN_FIELDS.length; each++) {
  const name = KNOWN_FIELDS[each]!;
  const cell = cellOf(name.length, name.charCodeAt(0));
  CELLS[cell] = [...(CELLS[cell] ?? []), each];
}

/** The names as bytes, each in a row of NAME_BYTES_MAX: a string is asked for its kind again with every character. */
const NAMES = new Uint8Array(KNOWN_FIELDS.length * NAME_BYTES_MAX);
for (let each = 1; each < KNOWN_FIELDS.length; each++) writeLatin1(KNOWN_FIELDS[each]!, NAMES, each * NAME_BYTES_MAX);

// Lower case, with `_` and `.` read as `-`.
const FOLD = LOWER.slice();
FOLD[0x5f] = 0x2d;
FOLD[0x2e] = 0x2d;

const FORWARDED_PREFIX = "x-forwarded-";
const CLIENT_CERT_PREFIX = "x-client-cert-";
const SSL_CLIENT_PREFIX = "ssl-client-";

/** The id of a name, with ALIAS added for an alias, or UNKNOWN. */
export function knownField(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const candidates = length < NAME_BYTES_MAX ? CELLS[cellOf(length, LOWER[bytes[start]!]!)] : undefined;
  if (candidates !== undefined) {
    for (let i = 0; i < candidates.length; i++) {
      const found = matchName(bytes, start, length, candidates[i]!);
      if (found !== UNKNOWN) return found;
    }
  }
  switch (LOWER[bytes[start]!]) {
    case 0x73: // s
    case 0x78: // x
      return familyOf(bytes, start, end);
  }
  return UNKNOWN;
}

/** The id of a family of names: whatever the suffix, it tells of a client what only a proxy could know. */
function familyOf(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > FORWARDED_PREFIX.length && isPrefix(bytes, start, FORWARDED_PREFIX))
    return isFolded(bytes, start, end) ? X_FORWARDED | ALIAS : X_FORWARDED;
  // The usual spelling of SSL_CLIENT_… has `_`, so that none of these is an alias.
  if (length > CLIENT_CERT_PREFIX.length && isPrefix(bytes, start, CLIENT_CERT_PREFIX)) return X_CLIENT_CERT;
  if (length > SSL_CLIENT_PREFIX.length && isPrefix(bytes, start, SSL_CLIENT_PREFIX)) return SSL_CLIENT;
  return UNKNOWN;
}

function isFolded(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (FOLD[bytes[at]!] !== LOWER[bytes[at]!]) return true;
  return false;
}

/** Whether two names are the same but for case and for `_` and `.` standing for `-`. `name` is lower case. */
export function isAliasOf(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  return end - start === name.length && isPrefix(bytes, start, name);
}

/**
 * Of a token and a candidate as long as it. With 0x20 set a letter is lower, and no other byte of a token becomes one of those
 * in our names: cheaper than a table, which only an alias or another name needs.
 */
function matchName(bytes: Uint8Array, start: number, length: number, candidate: number): number {
  const names = NAMES;
  const row = candidate * NAME_BYTES_MAX;
  let alias = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i]!;
    if ((byte | 0x20) === names[row + i]) continue;
    if (FOLD[byte] !== names[row + i]) return UNKNOWN;
    alias = ALIAS;
  }
  return candidate | alias;
}

function isPrefix(bytes: Uint8Array, start: number, prefix: string): boolean {
  for (let i = 0; i < prefix.length; i++) {
    if (FOLD[bytes[start + i]!] !== FOLD[prefix.charCodeAt(i)]) return false;
  }
  return true;
}

function cellOf(length: number, firstLower: number): number {
  return length * 32 + (firstLower & 31);
}
