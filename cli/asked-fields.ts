/** What a request to explain says beside its line, read alike from the command line and from files. */

import { canonicalAddress, UNIX_CLIENT } from "../core/http/address-block.ts";

/** `Name: value`; null: it is not of that form. */
export function parseField(text: string): readonly [string, string] | null {
  const colon = text.indexOf(":");
  return colon < 1 ? null : [text.slice(0, colon), text.slice(colon + 1).trim()];
}

/** What is wrong with the address a request is said to come from; null: nothing. */
export function clientProblem(client: string): string | null {
  if (client === UNIX_CLIENT || canonicalAddress(client) !== null) return null;
  return `${JSON.stringify(client)} is no IP address; write one such as 192.0.2.1`;
}
