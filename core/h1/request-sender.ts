/** The sending half of an upstream connection: frames requests, and can tell whether the server takes what it is sent. */

import { Outbox } from "../bytes/outbox.ts";
import type { Slab } from "../bytes/slab.ts";
import { BODY_CHUNKED, type RequestHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import type { Socket } from "../runtime.ts";
import { writeChunk, writeLastChunk } from "./write-body.ts";
import { writeRequestHead } from "./write-head.ts";

export class RequestSender {
  #socket: Socket | null = null;
  readonly #outbox = new Outbox();
  #isChunked = false;
  #hasBody = false;
  #queuedAtCheck = 0;
  /** The whole request is on its way. */
  isDone = false;

  get isBlocked(): boolean {
    return this.#outbox.isBlocked;
  }

  /** A body the server answered without reading may still be on our side of the wire. */
  get isSent(): boolean {
    return this.isDone && (!this.#hasBody || this.#socket!.queuedBytes === 0);
  }

  /** A request follows on this connection. */
  begin(socket: Socket, slab: Slab): void {
    this.#socket = socket;
    this.#outbox.goTo(socket, slab);
    this.isDone = false;
    this.#hasBody = false;
    this.#queuedAtCheck = 0;
  }

  /** Nothing is sent before the next `begin`. */
  leave(): void {
    this.#socket = null;
    this.#outbox.leave();
  }

  head(outgoing: OutgoingHead, incoming: RequestHead): void {
    this.#isChunked = outgoing.body === BODY_CHUNKED;
    writeRequestHead(this.#outbox, outgoing, incoming);
  }

  body(bytes: Uint8Array, start: number, end: number): void {
    // Behind the last chunk it would be read as the next request.
    if (this.#isChunked && this.isDone) throw new Error("a request body was to go on behind its end");
    this.#hasBody = true;
    if (this.#isChunked) writeChunk(this.#outbox, bytes, start, end);
    else this.#outbox.piece(bytes, start, end);
  }

  end(): void {
    if (this.#isChunked) writeLastChunk(this.#outbox, null);
    this.#outbox.flush();
    this.isDone = true;
  }

  flush(): void {
    this.#outbox.flush();
  }

  /** The socket's `onDrain`. */
  drained(): void {
    this.#outbox.drained();
  }

  /** FIN behind everything. */
  finish(): void {
    this.#outbox.end();
  }

  /** Looks how much is queued, and answers whether the server has taken anything since the last look. */
  noteTaken(): boolean {
    const { queuedBytes } = this.#socket!;
    const hasTaken = queuedBytes < this.#queuedAtCheck;
    this.#queuedAtCheck = queuedBytes;
    return hasTaken;
  }
}
