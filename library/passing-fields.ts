/** Which fields pass between a server that has a proxy mounted and the proxy: what concerns one connection doesn't. */

import type { ResponseHead } from "../core/http/message.ts";
import type { OutgoingHead } from "../core/http/outgoing.ts";

/** Both sides write their own. */
const FRAMING = ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];
/** `100-continue` was answered, or will be, by the server around us, and the length is told by whoever sends the body. */
const OF_REQUESTS = [...FRAMING, "http2-settings", "expect", "content-length"];

/** `fields` are names and values by turns. Those that `Connection` names stop, too (RFC 9110 section 7.6.1). */
export function passingOfRequest(fields: readonly string[]): [name: string, value: string][] {
  const stopped = new Set(OF_REQUESTS);
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]!.toLowerCase() !== "connection") continue;
    for (const name of fields[i + 1]!.split(",")) stopped.add(name.trim().toLowerCase());
  }
  // Without it a request is none, and whoever names it here wants to be read in two ways.
  stopped.delete("host");
  const passing: [string, string][] = [];
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (!stopped.has(fields[i]!.toLowerCase())) passing.push([fields[i]!, fields[i + 1]!]);
  return passing;
}

/** `Content-Length` is among them: what a response to HEAD says of itself is told by nobody else. */
export function passingOfResponse({ fields }: ResponseHead): [name: string, value: string][] {
  const passing: [string, string][] = [];
  for (let index = 0; index < fields.count; index++) {
    const name = fields.nameText(index);
    if (!FRAMING.includes(name.toLowerCase())) passing.push([name, fields.valueText(index)]);
  }
  return passing;
}

/** What is answered, with 400, to a request whose head is not sendable. */
export const UNSENDABLE = "the target of the request or one of its fields holds what cannot stand in a head";

/**
 * Whether it can be written as it is. Some servers let through what no field may hold: Bun's and Deno's node:http a DEL, Node's
 * with `insecureHTTPParser` any control character.
 */
export function isSendable({ target, lines }: OutgoingHead): boolean {
  return /^[\x21-\x7e]+$/.test(target ?? "") && lines.every(({ value }) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value));
}

/** -1: it says none that could be believed. */
export function declaredLength(value: string | null | undefined): number {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : -1;
}
