/**
 * Parameters of a query. A query is opaque to HTTP and forwarded as it came; only conditions and variables look
 * into it, as browsers encode forms. Names and values are decoded once, wrong escapes stay as they are, and no
 * map is made of them: a client chooses the names (J08, J09).
 */

import { PERCENT } from "../bytes/ascii.ts";
import { hexPairAt } from "../http/path.ts";

/** Calls `use` with the decoded value (latin1 text of the bytes) of every parameter called `name`. */
export function forEachParameter(query: string, name: string, use: (value: string) => void): void {
  for (let start = 0; start < query.length; ) {
    const ampersand = query.indexOf("&", start);
    const end = ampersand < 0 ? query.length : ampersand;
    // Cut first: searching the whole rest for a `=` again and again would be quadratic.
    const parameter = query.slice(start, end);
    const equals = parameter.indexOf("=");
    const nameEnd = equals < 0 ? parameter.length : equals;
    if (decodeFormText(parameter.slice(0, nameEnd)) === name) use(decodeFormText(parameter.slice(nameEnd + 1)));
    start = end + 1;
  }
}

/** The first value of that name, or null. */
export function queryParameter(query: string, name: string): string | null {
  let first: string | null = null;
  forEachParameter(query, name, (value) => {
    first ??= value;
  });
  return first;
}

function decodeFormText(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  let decoded = "";
  for (let index = 0; index < text.length; index++) {
    const byte = text.charCodeAt(index) === PERCENT ? hexPairAt(text, index + 1) : -1;
    if (byte >= 0) {
      decoded += String.fromCharCode(byte);
      index += 2;
    } else decoded += text[index] === "+" ? " " : text[index];
  }
  return decoded;
}
