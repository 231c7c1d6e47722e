/** Cookies of a request (RFC 6265 section 4.2). Their text is opaque here: nothing is decoded. */

/** The value of the first cookie of that name in a Cookie field; null when there is none. */
export function cookieValue(field: string | null, name: string): string | null {
  for (const pair of field?.split(";") ?? []) {
    const equals = pair.indexOf("=");
    if (equals >= 0 && pair.slice(0, equals).replace(/^[ \t]+/, "") === name) return pair.slice(equals + 1);
  }
  return null;
}
