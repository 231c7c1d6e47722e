/** `Expect: 100-continue` where we ourselves read the body: the client waits to be told so (RFC 9110 section 10.1.1). */

import { OutgoingHead } from "../http/outgoing.ts";
import type { ClientSide } from "./client-side.ts";

/** The exchange, as far as a client that waits needs it. */
export interface ContinueOwner {
  readonly client: ClientSide;
  /** Anything of a response went to the client, be it an interim one other than 100. */
  readonly hasForwarded: boolean;
  /** Its client sends no body before it is told to, and nobody has told it so; one that sends some does not wait any more. */
  readonly awaitsContinue: boolean;
  hasContinue: boolean;
}

/** Somebody here reads the body. Once an answer has begun a 100 would stand in the middle of it. */
export function maybeTellToGoOn(owner: ContinueOwner): void {
  if (owner.hasForwarded || !owner.awaitsContinue) return;
  owner.hasContinue = true;
  const outgoing = new OutgoingHead();
  outgoing.status = 100;
  owner.client.connection.interim(outgoing);
  owner.client.connection.flush();
}
