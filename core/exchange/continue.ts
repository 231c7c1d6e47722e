/** `Expect: 100-continue` where we ourselves read the body: the client waits to be told so (RFC 9110 section 10.1.1). */

import * as known from "../http/known-fields.ts";
import type { RequestHead } from "../http/message.ts";
import { OutgoingHead } from "../http/outgoing.ts";
import type { ClientWriter } from "../http/wire.ts";

export function isWaiting(head: RequestHead, receivedBytes: number): boolean {
  return receivedBytes === 0 && head.minorVersion === 1 && head.fields.countOf(known.EXPECT) > 0;
}

export function tellToGoOn(connection: ClientWriter): void {
  const outgoing = new OutgoingHead();
  outgoing.status = 100;
  connection.interim(outgoing);
  connection.flush();
}
