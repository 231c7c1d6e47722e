/** Reads a request body, and judges whether the client sends it at an acceptable pace. */

import type { Inbox } from "../bytes/inbox.ts";
import { CLIENT_BODY_TIMEOUT, CLIENT_TOO_SLOW, type Fault } from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead } from "../http/message.ts";
import { LINGER_BYTES_MAX, type Limits, type Timeouts } from "../limits.ts";
import { ProgressWatch } from "../time/progress.ts";
import { BodyDecoder, type BodySink } from "./parse-body.ts";

export class BodyReader {
  readonly #decoder = new BodyDecoder();
  readonly #watch = new ProgressWatch();
  /** The client waits to be told to go on: until then it can't be late. */
  #awaitsContinue = false;
  #isSkipping = false;
  #skippedBytes = 0;

  begin(head: RequestHead, nowMs: number): void {
    this.#decoder.begin(head.body, head.bodyLength);
    this.#watch.begin(nowMs);
    this.#isSkipping = false;
    this.#awaitsContinue = head.expectsContinue;
    this.release(nowMs);
  }

  get isDone(): boolean {
    return this.#decoder.isDone;
  }

  get trailers(): Fields | null {
    return this.#decoder.trailers;
  }

  /** Takes what the body has in the inbox; 0 or a negative refusal. */
  read(inbox: Inbox, limits: Limits, sink: BodySink, nowMs: number): number {
    const { bytes, start, end } = inbox;
    // First: whoever takes the pieces may hold the client, and then it can't be late.
    if (this.#awaitsContinue && end > start) this.goOn(nowMs);
    const at = this.#decoder.decode(bytes, start, end, limits, sink);
    if (at < 0) return at;
    this.#watch.moved(at - start, nowMs);
    if (this.#isSkipping) this.#skippedBytes += at - start;
    // Whoever took the pieces may have closed the connection, and emptied the inbox with it.
    if (inbox.bytes === bytes) inbox.consume(at);
    return 0;
  }

  /**
   * Whether the rest may be read away, so that the connection can be used again (RFC 9112 section 9.3). A client that waits
   * to be told to go on may send its body or the next request: nobody can tell which (RFC 9110 section 10.1.1).
   */
  get maySkip(): boolean {
    return !this.#awaitsContinue && this.#decoder.remainingMin <= LINGER_BYTES_MAX;
  }

  /** From here on nobody wants it. */
  skip(): void {
    this.#isSkipping = true;
    this.#skippedBytes = 0;
  }

  /** More of it came than is worth a connection. */
  get hasSkippedTooMuch(): boolean {
    return this.#isSkipping && this.#skippedBytes > LINGER_BYTES_MAX;
  }

  /** While we don't listen the client can't be late. */
  hold(nowMs: number): void {
    this.#watch.stop(nowMs);
  }

  release(nowMs: number): void {
    if (!this.#awaitsContinue) this.#watch.wait(nowMs);
  }

  /** The client was told to go on, or does so by itself. */
  goOn(nowMs: number): void {
    this.#awaitsContinue = false;
    this.#watch.wait(nowMs);
  }

  /** Null while the pace is fine. */
  judge(nowMs: number, limits: Limits, timeouts: Timeouts): Fault | null {
    const pace = this.#watch.pace(nowMs, timeouts.requestBodyIdleMs, limits.rateBytesPerSecondMin);
    if (pace === "moving") return null;
    return pace === "idle" ? CLIENT_BODY_TIMEOUT : CLIENT_TOO_SLOW;
  }

  nextCheckMs(nowMs: number, timeouts: Timeouts): number {
    return this.#watch.nextCheckMs(nowMs, timeouts.requestBodyIdleMs);
  }
}
