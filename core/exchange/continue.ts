/** `Expect: 100-continue` where we ourselves read the body: the client waits to be told so (RFC 9110 section 10.1.1). */

import { OutgoingHead } from "../http/outgoing.ts";
import type { ClientSide } from "./client-side.ts";

/** The exchange, as far as a client that waits needs it. */
export interface ContinueOwner {
  readonly client: ClientSide;
  /** Its client sends no body before it is told to, and nobody has told it so, nor answered. */
  readonly awaitsContinue: boolean;
  hasContinue: boolean;
}

/** Somebody here reads the body. Behind the head of an answer a 100 would stand in the middle of that. */
export function maybeTellToGoOn(owner: ContinueOwner): void {
  if (!owner.awaitsContinue) return;
  owner.hasContinue = true;
  const outgoing = new OutgoingHead();
  outgoing.status = 100;
  owner.client.connection.interim(outgoing);
  owner.client.connection.flush();
}
