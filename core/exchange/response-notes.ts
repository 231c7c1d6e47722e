/** What a response head says about the connection it came on, beyond its message. */

import { lowerText, parseDecimal } from "../bytes/ascii.ts";
import type { ClientConnection } from "../h1/client.ts";
import * as known from "../http/known-fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";

/** Takes note of all of it on the connection. */
export function noteConnection(
  connection: ClientConnection,
  request: RequestHead,
  head: ResponseHead,
  tunnelIdleMs: number,
): void {
  if (isEventStream(head)) connection.allowSilence(tunnelIdleMs);
  if (bindsConnection(request, head)) connection.isBound = true;
  const seconds = keepAliveSeconds(head);
  if (seconds !== -1) connection.shortenIdle(seconds);
}

/** Events come when they come: such a body may be silent for as long as a tunnel. */
export function isEventStream(head: ResponseHead): boolean {
  const { fields } = head;
  if (fields.countOf(known.CONTENT_TYPE) === 0) return false;
  const index = fields.find(known.CONTENT_TYPE);
  // Short of making a string for every response: only `text/e…` is looked at closer.
  const start = fields.valueStart(index);
  if (fields.valueEnd(index) - start < 17 || (fields.bytes[start + 5]! | 0x20) !== 0x65) return false;
  return lowerText(fields.valueText(index)).startsWith("text/event-stream");
}

/** NTLM and Negotiate prove who speaks once per connection (RFC 4559): it may never serve somebody else. */
export function bindsConnection(request: RequestHead, response: ResponseHead): boolean {
  const { fields } = response;
  if (fields.countOf(known.WWW_AUTHENTICATE) > 0 && isBinding(fields.value("www-authenticate"))) return true;
  return request.fields.countOf(known.AUTHORIZATION) > 0 && isBinding(request.fields.value("authorization"));
}

/** Seconds of `Keep-Alive: timeout=5`; -1 when the server says nothing. */
export function keepAliveSeconds(head: ResponseHead): number {
  const { fields } = head;
  if (fields.countOf(known.KEEP_ALIVE) === 0) return -1;
  const found = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,9})/i.exec(fields.value("keep-alive") ?? "");
  if (found === null) return -1;
  const digits = Uint8Array.from(found[1]!, (digit) => digit.charCodeAt(0));
  return parseDecimal(digits, 0, digits.length);
}

function isBinding(value: string | null): boolean {
  return value !== null && /(?:^|,)\s*(?:ntlm|negotiate)\b/i.test(value);
}
