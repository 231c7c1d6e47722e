/**
 * `Host` and the authority of an absolute target: uri-host [ ":" port ] (RFC 9110 section 7.2). Stricter than
 * RFC 3986: only what can be a DNS name or an address, because everything else is read in as many ways as there
 * are readers.
 */

import { CLOSING_BRACKET, COLON, DIGIT_0, DOT, HEX, lowerText, OPENING_BRACKET, UNRESERVED } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import { canonicalAddress } from "./address-block.ts";

const PORT_MAX = 65_535;
const HOST_BYTES_MAX = 255;

/** Position behind the host name (where `:port` would begin), or -1 when this is no host with an optional port. */
export function endOfHostName(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > HOST_BYTES_MAX + 6) return -1;
  const nameEnd = bytes[start] === OPENING_BRACKET ? endOfIpv6(bytes, start, end) : endOfRegName(bytes, start, end);
  if (nameEnd === -1 || nameEnd === end) return nameEnd;
  return bytes[nameEnd] === COLON && isPort(bytes, nameEnd + 1, end) ? nameEnd : -1;
}

/** The name as routes see it: lower case, no port, no trailing dot, one spelling per address. The bytes were checked before. */
export function hostText(bytes: Uint8Array, start: number, end: number): string {
  const nameEnd = endOfHostName(bytes, start, end);
  if (nameEnd === -1) return "";
  const name = lowerText(latin1(bytes, start, bytes[nameEnd - 1] === DOT ? nameEnd - 1 : nameEnd));
  return bytes[start] === OPENING_BRACKET ? ipv6HostText(name) : name;
}

/** `[2001:db8:0::1]` and `[2001:db8::1]` are one host (RFC 5952); of a text that is no such address nothing changes. */
export function ipv6HostText(name: string): string {
  const address = canonicalAddress(name.slice(1, -1));
  if (address === null) return name;
  return address.includes(":") ? `[${address}]` : `[::ffff:${address}]`;
}

/** The port as written, `""` when there is none. */
export function portText(bytes: Uint8Array, start: number, end: number): string {
  const nameEnd = endOfHostName(bytes, start, end);
  return nameEnd === -1 || nameEnd >= end ? "" : latin1(bytes, nameEnd + 1, end);
}

function endOfRegName(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  let previous = DOT;
  while (at < end && UNRESERVED[bytes[at]!] === 1) {
    // No empty label; one dot at the end is the root and means the same name.
    if (bytes[at] === DOT && previous === DOT) return -1;
    previous = bytes[at]!;
    at++;
  }
  return at === start ? -1 : at;
}

function endOfIpv6(bytes: Uint8Array, start: number, end: number): number {
  let groups = 0;
  let digits = 0;
  let hasGap = false;
  let at = start + 1;
  for (; at < end && bytes[at] !== CLOSING_BRACKET; at++) {
    if (bytes[at] === COLON) {
      if (bytes[at + 1] === COLON) {
        if (hasGap) return -1;
        hasGap = true;
        at++;
      } else if (digits === 0) {
        return -1;
      }
      if (digits > 0) groups++;
      digits = 0;
    } else if (bytes[at] === DOT) {
      // The dotted part stands for the last two of eight groups; a gap for at least one.
      return (hasGap ? groups < 6 : groups === 6) ? endOfEmbeddedIpv4(bytes, at - digits, end) : -1;
    } else if (HEX[bytes[at]!] === 255 || ++digits > 4) {
      return -1;
    }
  }
  if (at === end) return -1;
  if (digits > 0) groups++;
  else if (!hasGap || bytes[at - 1] !== COLON || bytes[at - 2] !== COLON) return -1;
  return (hasGap ? groups < 8 : groups === 8) ? at + 1 : -1;
}

/** The end of `::ffff:192.0.2.1` from its dotted part on. */
function endOfEmbeddedIpv4(bytes: Uint8Array, start: number, end: number): number {
  let parts = 0;
  let value = -1;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte === DOT || byte === CLOSING_BRACKET) {
      if (value < 0 || value > 255) return -1;
      parts++;
      value = -1;
      if (byte === CLOSING_BRACKET) return parts === 4 ? at + 1 : -1;
    } else if (byte >= DIGIT_0 && byte <= DIGIT_0 + 9) {
      value = (value < 0 ? 0 : value * 10) + byte - DIGIT_0;
      if (value > 255) return -1;
    } else {
      return -1;
    }
  }
  return -1;
}

/** `*DIGIT` (an empty port means the default one), no larger than a port is. */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - DIGIT_0;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
    if (port > PORT_MAX) return false;
  }
  return true;
}
