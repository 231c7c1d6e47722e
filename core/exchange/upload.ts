/**
 * The body of a request on its way: to the server that the request is with, or to whoever takes it in place of one. It
 * waits here while there is neither, and the client is held meanwhile.
 */

import { copyOf } from "../bytes/text.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ClientConnection } from "../h1/client.ts";
import type { Attempt } from "./attempt.ts";
import { forwardRequest } from "./forward.ts";
import { KeptBody } from "./kept-body.ts";
import { reframeRequest } from "./reframe.ts";
import type { RequestView } from "./request-view.ts";

/** The exchange, as far as its body needs it. */
export interface UploadOwner extends RequestView {
  readonly targetSent: string | null;
  /** The turn in which it came is over. */
  readonly hasBegun: boolean;
  /** Where it is with now. */
  readonly currentAttempt: Attempt | null;
  onFailed(reason: Fault): void;
}

/** Who takes a body in place of a server. */
export interface BodyTaker {
  /** To be copied in this call. False: no more until it has released the client. */
  piece(bytes: Uint8Array, start: number, end: number): boolean;
  /** That was all. */
  end(): void;
  /** The server takes more of what comes of it. */
  resume(): void;
}

/** Of a body that nobody wants: it is read as long as the answer takes. */
export const NOBODY_TAKES: BodyTaker = { piece: () => true, end() {}, resume() {} };

export class Upload {
  readonly #owner: UploadOwner;
  readonly #kept: KeptBody;
  #taker: BodyTaker | null = null;
  #wasSent = false;
  /** That of another body than the client's, -1 when that is not known; null: it goes on as it came. */
  newLength: number | null = null;
  /** The client has sent all of it. */
  isReceived = false;
  /** All that is to go to the server is there. */
  #isComplete = false;
  /** Since when, by the timers; 0 before. */
  endMs = 0;

  constructor(owner: UploadOwner) {
    const { limits } = owner.plan ?? owner.deployment.snapshot;
    this.#owner = owner;
    this.#kept = new KeptBody(limits.replayBytesMax, owner.engine.replayBudget);
  }

  get receivedBytes(): number {
    return this.#kept.receivedBytes;
  }
  get isReplayable(): boolean {
    return this.#kept.isReplayable;
  }

  /** No second try will be made. */
  forget(): void {
    this.#kept.forget();
  }

  /** From here on `taker` has it, beginning with what has come. */
  giveTo(taker: BodyTaker): void {
    this.#taker = taker;
    this.#kept.forget();
    // The client's may have ended already; what the taker makes of it has not.
    this.#isComplete = false;
    this.endMs = 0;
    let isWritable = true;
    for (const piece of this.#kept.takePending()) isWritable = taker.piece(piece, 0, piece.length);
    if (this.isReceived) taker.end();
    else if (isWritable) this.#owner.client.connection.release();
  }

  /** From the client. */
  piece(bytes: Uint8Array, start: number, end: number): void {
    const { plan, deployment, client } = this.#owner;
    this.#kept.receive(bytes, start, end);
    const isTooLarge = this.#kept.receivedBytes > (plan ?? deployment.snapshot).limits.requestBodyBytesMax;
    if (isTooLarge) this.#owner.onFailed(fault.BODY_TOO_LARGE);
    else if (this.#taker !== null) {
      if (!this.#taker.piece(bytes, start, end)) client.connection.hold();
    } else if (!this.pass(bytes, start, end)) client.connection.hold();
  }

  /** To the server. False: no more before it takes more. */
  pass(bytes: Uint8Array, start: number, end: number): boolean {
    const connection = this.#owner.currentAttempt?.connection ?? null;
    if (connection !== null) return connection.body(bytes, start, end);
    this.#kept.keep(copyOf(bytes, start, end));
    return false;
  }

  /** From the client: that was all. */
  end(): void {
    this.isReceived = true;
    if (this.#taker === null) this.complete();
    else this.#taker.end();
  }

  /** All that is to go to the server is there. */
  complete(): void {
    this.#isComplete = true;
    this.endMs = this.#owner.engine.timers.nowMs;
    this.#owner.currentAttempt?.endRequest();
  }

  /** There is a connection: everything that is there goes out. */
  send(attempt: Attempt, connection: ClientConnection): void {
    const owner = this.#owner;
    const kept = this.#kept;
    const isAgain = this.#wasSent;
    if (isAgain && !kept.isReplayable) {
      owner.onFailed(fault.UPSTREAM_RESET);
      return;
    }
    this.#wasSent = true;
    const outgoing = forwardRequest(owner, owner.targetSent, attempt.edits);
    if (this.newLength !== null) reframeRequest(outgoing, this.newLength);
    connection.head(outgoing, owner.head);
    const pieces = isAgain ? kept.replay() : kept.takePending();
    let isWritable = true;
    for (const piece of pieces) isWritable = connection.body(piece, 0, piece.length);
    if (attempt.connection === null) return;
    if (this.#isComplete) attempt.endRequest();
    else if (owner.hasBegun) connection.flush(); // else the client's turn goes on, and ends with `onFlush`
    if (isWritable) this.resume();
  }

  /** The server takes more. */
  resume(): void {
    if (this.#taker === null) this.#owner.client.connection.release();
    else this.#taker.resume();
  }

  flush(): void {
    this.#owner.currentAttempt?.connection?.flush();
  }
}
