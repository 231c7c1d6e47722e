/** Cookies of a request (RFC 6265 section 4.2). Their text is opaque here: nothing is decoded. */

/**
 * The value of the first cookie of that name in a Cookie field; null when there is none. Looks for the name rather than
 * taking the field apart: a client may send ten thousand cookies with every request.
 */
export function cookieValue(field: string | null, name: string): string | null {
  if (field === null) return null;
  for (let at = field.indexOf(name); at !== -1; at = field.indexOf(name, at + 1)) {
    const valueStart = at + name.length + 1;
    if (field[valueStart - 1] !== "=" || !isFirstOfPair(field, at)) continue;
    const end = field.indexOf(";", valueStart);
    return end === -1 ? field.slice(valueStart) : field.slice(valueStart, end);
  }
  return null;
}

function isFirstOfPair(field: string, at: number): boolean {
  let before = at - 1;
  while (before >= 0 && (field[before] === " " || field[before] === "\t")) before--;
  return before < 0 || field[before] === ";";
}
