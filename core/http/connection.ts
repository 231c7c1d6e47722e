/**
 * What `Connection`, `TE` and `Upgrade` ask of this one hop (RFC 9110 section 7.6.1), and the fields that end here
 * because of them.
 */

import { equalsIgnoreCase, LOWER, lowerText, TOKEN } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import * as refuse from "../fault.ts";
import { CONNECTION_OPTIONS_MAX } from "../limits.ts";
import { eachMember, type Fields } from "./fields.ts";
import { isVouching } from "./hop.ts";
import * as known from "./known-fields.ts";

export const OPTION_CLOSE = 1;
export const OPTION_KEEP_ALIVE = 2;
export const OPTION_UPGRADE = 4;

/** Naming one of these would take the message's framing or its destination away: an attack, not an option. */
const UNTOUCHABLE = ["host", "content-length", "transfer-encoding"];

/**
 * Fields that mean something end to end and stay, whoever names them in `Connection`. So do those by which a proxy
 * vouches for a client: one that copies the client's Connection would let it delete them. Via tells of loops.
 */
const PROTECTED = new Set(["cookie", "authorization", "content-type", "cache-control", "set-cookie", "date", "via"]);

/** The options as bits; named fields are dropped. A negative refusal when the list is not one. */
export function readConnection(fields: Fields): number {
  const count = fields.countOf(known.CONNECTION);
  if (count === 0) return 0;
  if (count === 1) {
    // What nearly every message says, without walking a list.
    const index = fields.find(known.CONNECTION);
    const start = fields.valueStart(index);
    const end = fields.valueEnd(index);
    if (equalsIgnoreCase(fields.bytes, start, end, "keep-alive")) return OPTION_KEEP_ALIVE;
    if (equalsIgnoreCase(fields.bytes, start, end, "close")) return OPTION_CLOSE;
  }
  let options = 0;
  let members = 0;
  for (let index = fields.find(known.CONNECTION); index < fields.count; index++) {
    if (fields.id(index) !== known.CONNECTION || fields.isAlias(index)) continue;
    eachMember(fields.bytes, fields.valueStart(index), fields.valueEnd(index), (start, end) => {
      const option = ++members > CONNECTION_OPTIONS_MAX ? -1 : optionOf(fields, start, end);
      options = option === -1 ? -1 : options | option;
      return options !== -1;
    });
    if (options === -1) return -refuse.BAD_CONNECTION;
  }
  return options;
}

/** Whether `TE` holds exactly the member `trailers`: the only one that may be passed on. */
export function acceptsTrailers(fields: Fields): boolean {
  let accepts = false;
  eachFieldMember(fields, known.TE, (start, end) => {
    if (equalsIgnoreCase(fields.bytes, start, end, "trailers")) accepts = true;
    return true;
  });
  return accepts;
}

/**
 * The protocols a client may switch to through us, `, ` between them; `""` for none. HTTP/2 in the clear and TLS
 * would put requests out of our sight.
 */
export function upgradeTokens(fields: Fields): string {
  const tokens: string[] = [];
  let isList = true;
  eachFieldMember(fields, known.UPGRADE, (start, end) => {
    const token = latin1(fields.bytes, start, end);
    const name = lowerText(token);
    if (!/^[\w!#$%&'*+.^`|~-]+(\/[\w!#$%&'*+.^`|~-]+)?$/.test(token)) isList = false;
    else if (name !== "h2c" && !name.startsWith("h2c/") && name !== "tls" && !name.startsWith("tls/"))
      tokens.push(token);
    return isList;
  });
  return isList ? tokens.join(", ") : "";
}

function optionOf(fields: Fields, start: number, end: number): number {
  const { bytes } = fields;
  for (let at = start; at < end; at++) if (TOKEN[bytes[at]!] === 0) return -1;
  switch (LOWER[bytes[start]!]) {
    case 0x63: // c
      if (equalsIgnoreCase(bytes, start, end, "close")) return OPTION_CLOSE;
      break;
    case 0x6b: // k
      if (equalsIgnoreCase(bytes, start, end, "keep-alive")) return OPTION_KEEP_ALIVE;
      break;
    case 0x75: // u
      if (equalsIgnoreCase(bytes, start, end, "upgrade")) return OPTION_UPGRADE;
      break;
  }
  const name = lowerText(latin1(bytes, start, end));
  // As `dropNamed` reads it: `content_length` would take Content-Length along.
  const folded = name.replaceAll(/[_.]/g, "-");
  if (UNTOUCHABLE.includes(folded)) return -1;
  const id = known.knownField(bytes, start, end) & ~known.ALIAS;
  if (!PROTECTED.has(folded) && !isVouching(id)) fields.dropNamed(name);
  return 0;
}

function eachFieldMember(fields: Fields, id: number, onMember: (start: number, end: number) => boolean): void {
  if (fields.countOf(id) === 0) return;
  for (let index = fields.find(id); index < fields.count; index++) {
    if (fields.id(index) !== id || fields.isAlias(index)) continue;
    eachMember(fields.bytes, fields.valueStart(index), fields.valueEnd(index), onMember);
  }
}
