/**
 * Which fields stop here. Hop-by-hop ones concern one connection only (RFC 9110 section 7.6.1); fields by which a
 * proxy vouches for a client are never passed on from somebody who is not one.
 */

import type { Fields } from "./fields.ts";
import * as known from "./known-fields.ts";
import { KNOWN_FIELDS } from "./known-fields.ts";

const PASS = 0;
const STOP = 1;
/** Stops unless the peer is a trusted proxy. */
const VOUCH = 2;

const REQUEST = new Uint8Array(KNOWN_FIELDS.length);
const RESPONSE = new Uint8Array(KNOWN_FIELDS.length);

for (const id of [
  known.CONNECTION,
  known.KEEP_ALIVE,
  known.PROXY_CONNECTION,
  known.PROXY_AUTHENTICATE, // meant for a proxy the client configured; we are the server
  known.PROXY_AUTHORIZATION,
  known.TE,
  known.TRAILER,
  known.TRANSFER_ENCODING,
  known.UPGRADE,
  known.HTTP2_SETTINGS, // would let the server speak HTTP/2 past us
]) {
  REQUEST[id] = STOP;
  RESPONSE[id] = STOP;
}
REQUEST[known.PROXY] = STOP; // becomes HTTP_PROXY in a CGI environment

for (const name of [
  "x-forwarded", // and all that begin with `X-Forwarded-`
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-real-ip",
  "forwarded",
  "true-client-ip",
  "cf-connecting-ip",
  "x-client-ip",
  "client-ip", // what programs in PHP ask first, as HTTP_CLIENT_IP
  "fastly-client-ip",
  "x-cluster-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-original-host",
  "x-host",
  "x-url-scheme",
  "front-end-https",
  "x-client-cert", // and all that begin with `X-Client-Cert-`
  "ssl-client", // and all that begin with `SSL-Client-` or `SSL_CLIENT_`
] as const) {
  REQUEST[KNOWN_FIELDS.indexOf(name)] = VOUCH;
}

/** Whether a proxy vouches for the client by fields of this id. */
export function isVouching(id: number): boolean {
  return REQUEST[id] === VOUCH;
}

export function dropHopByHopOfRequest(fields: Fields, isTrusted: boolean): void {
  for (let index = 0; index < fields.count; index++) {
    const id = fields.id(index);
    if (id === known.UNKNOWN) continue;
    const action = REQUEST[id]!;
    if (fields.isAlias(index)) {
      // A server that reads `_` as `-` would take it for the real one.
      if (action !== PASS || known.isFraming(id)) fields.drop(index);
    } else if (action === STOP || (action === VOUCH && !isTrusted)) {
      fields.drop(index);
    }
  }
}

export function dropHopByHopOfResponse(fields: Fields): void {
  for (let index = 0; index < fields.count; index++) {
    const id = fields.id(index);
    if (id !== known.UNKNOWN && (RESPONSE[id] === STOP || (fields.isAlias(index) && known.isFraming(id))))
      fields.drop(index);
  }
}

/** Trailers that would change what was already acted upon (RFC 9110 section 6.5.1): row C14. */
export function dropUnsafeTrailers(trailers: Fields): void {
  for (let index = 0; index < trailers.count; index++) {
    if (trailers.id(index) !== known.UNKNOWN || trailers.isNamed(index, "set-cookie")) trailers.drop(index);
  }
}
