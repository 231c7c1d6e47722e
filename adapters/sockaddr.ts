/**
 * Addresses as Linux has them: a `sockaddr_in` or `sockaddr_in6`. The family in the machine's order, the port in the
 * network's, the address at 4 or, of IPv6, at 8.
 */

export const AF_INET = 2;
export const AF_INET6 = 10;
export const V4_AT = 4;
export const V6_AT = 8;
export const V4_NAME_BYTES = 16;
export const V6_NAME_BYTES = 28;
/** As much of an IPv6 address as says that an IPv4 address follows (RFC 4291 section 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

export function portIn(name: Uint8Array): number {
  return (name[2]! << 8) | name[3]!;
}

/** Where the address of IPv4 begins, which one of IPv6 may hold; -1 for none. */
export function v4In(name: Uint8Array): number {
  if (name[0] === AF_INET) return V4_AT;
  return name[0] === AF_INET6 && MAPPED.every((byte, i) => name[V6_AT + i] === byte) ? V6_AT + MAPPED.length : -1;
}
