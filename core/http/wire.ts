/**
 * The contract between a wire machine (`h1/server.ts`, `h1/client.ts`, later h2) and the exchange that owns the
 * message: what the machine tells, and what it can be told. Nothing here is peculiar to one version of HTTP.
 *
 * After an accepted upgrade both directions go on as bodies without framing: pieces, end, and no second head.
 */

import type { Fault } from "../fault.ts";
import type { Limits, Timeouts } from "../limits.ts";
import type { Fields } from "./fields.ts";
import type { RequestHead, ResponseHead } from "./message.ts";
import type { OutgoingHead } from "./outgoing.ts";

/** What a machine tells whoever handles its current message. */
export interface MessageHandler {
  /** `bytes[start, end)` may be spoilt, and is to be written or copied in this call: then its chunk is given back. */
  onBodyPiece(bytes: Uint8Array, start: number, end: number): void;
  /** The message is complete. `trailers` are valid during the call only. */
  onEnd(trailers: Fields | null): void;
  /** Nothing more comes in this turn: send what was held back to be merged. */
  onFlush(): void;
  /** After a write answered false: it would answer true again. */
  onWritable(): void;
  /** Terminal: the peer broke the rules or went away. Nothing follows. */
  onFault(fault: Fault): void;
}

export interface RequestHandler extends MessageHandler {
  /** First, and only once the machine knows its handler: whatever goes wrong from here on is told to it. */
  begin(): void;
}

export interface ResponseHandler extends MessageHandler {
  /** A 1xx other than 101; valid during the call. */
  onInterim(head: ResponseHead): void;
  /** Valid until the exchange lets go of the connection. */
  onHead(head: ResponseHead): void;
  /** Now and then, of a body that takes long. */
  onLong?(): void;
}

/** What a machine can be told about the message it sends. */
export interface MessageWriter {
  /** The machine owns `bytes[start, end)`. False: above the high mark, wait for `onWritable`. */
  body(bytes: Uint8Array, start: number, end: number): boolean;
  /** `trailers` go out only where the framing can carry them. */
  end(trailers: Fields | null): void;
  flush(): void;
  /** Stop and go on reading from the peer. */
  hold(): void;
  release(): void;
}

/** A client as exchanges see it: a connection, or a program that asks. */
export interface ClientWriter extends MessageWriter {
  interim(outgoing: OutgoingHead): void;
  head(outgoing: OutgoingHead): void;
  /** Cuts the response so that the client can see that it is not whole. */
  abort(): void;
  readonly isClosed: boolean;
  /** The route's own limits and deadlines, for the rest of this request. */
  goBy(limits: Limits, timeouts: Timeouts): void;
  /** The answer just being written is the last one. Before `head`. */
  closeAfterResponse(): void;
  /** Bytes go through unframed from here on. */
  openTunnel(): void;
  /** The response takes long: the request's head moves out of what it came in, where others came, too. */
  setHeadApart(): void;
}

export interface RequestWriter extends MessageWriter {
  head(outgoing: OutgoingHead, incoming: RequestHead): void;
}
