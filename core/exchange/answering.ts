/**
 * A Response of a hook or a mounted program on its way to the client: its head rewritten, its body passed on as fast as
 * the client takes it, and held to the length it promised.
 */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, METHOD_HEAD } from "../http/message.ts";
import { OutgoingHead } from "../http/outgoing.ts";
import { hasNoContent } from "../http/status.ts";
import type { HookFailure } from "../observe/events.ts";
import { BodyPump, type PumpOwner } from "../script/body-pump.ts";
import { type AnswerHead, discardAnswer, readAnswer } from "../script/read-answer.ts";
import type { RequestView } from "./request-view.ts";

/** The exchange, as far as its answer needs it. After the end or a failure nothing follows. */
export interface AnsweringOwner extends RequestView {
  responseBytes: number;
  /** Sends it. */
  onAnswerHead(outgoing: OutgoingHead): void;
  onAnswerEnd(): void;
  onFailed(reason: Fault): void;
}

/** Whose Response it is: told what is wrong with it. */
export interface Answerer {
  noteFailure(requestId: string, failure: HookFailure, error: unknown): void;
  /** The same once its head has gone: the body may come from anywhere. */
  noteLateFailure(requestId: string, failure: HookFailure, error: unknown): void;
}

export class Answering implements PumpOwner {
  readonly #owner: AnsweringOwner;
  readonly #answerer: Answerer;
  #head: AnswerHead | null = null;
  #pump: BodyPump | null = null;
  #hasSent = false;
  /** Of the promised length; -1: none was. */
  #leftBytes = -1;

  constructor(owner: AnsweringOwner, answerer: Answerer) {
    this.#owner = owner;
    this.#answerer = answerer;
  }

  begin(response: unknown): void {
    const { plan, deployment, engine, head: request } = this.#owner;
    const { limits, timeouts } = plan ?? deployment.snapshot;
    let head: AnswerHead;
    try {
      head = readAnswer(response, limits);
      if (head.body !== null) {
        const isEvents = head.fields.some(([name, value]) => name === "content-type" && isEventStream(value));
        const idleMs = isEvents ? timeouts.tunnelIdleMs : timeouts.responseIdleMs;
        this.#pump = new BodyPump(head.body, this, engine.hooks, idleMs);
      }
    } catch (error) {
      void discardAnswer(response);
      this.onBodyFailed("nonsense", error);
      return;
    }
    this.#head = head;
    const isWithoutBody = request.method === METHOD_HEAD || hasNoContent(head.status);
    if (isWithoutBody) {
      this.#pump?.cancel();
      this.#pump = null;
    }
    if (this.#pump !== null) this.#pump.start();
    else if (isWithoutBody) this.#finishWithout(head);
    else {
      this.onBodyBegins(0);
      if (this.#leftBytes === 0) this.onBodyEnd();
    }
  }

  /** The client takes more. */
  resume(): void {
    this.#pump?.resume();
  }

  /** Nobody wants it any more. */
  cancel(): void {
    this.#pump?.cancel(new Error("the request is over"));
  }

  onBodyBegins(length: number): void {
    const { length: promised } = this.#head!;
    if (promised !== -1 && length !== -1 && promised !== length) {
      this.#failLength(`${length}`);
      return;
    }
    this.#leftBytes = promised === -1 ? length : promised;
    this.#send(this.#leftBytes === -1 ? BODY_CHUNKED : BODY_LENGTH, this.#leftBytes);
  }

  onBodyPiece(bytes: Uint8Array): boolean {
    if (this.#leftBytes !== -1) {
      if (bytes.length > this.#leftBytes) {
        this.#failLength("more");
        return false;
      }
      this.#leftBytes -= bytes.length;
    }
    this.#owner.responseBytes += bytes.length;
    return this.#owner.client.connection.body(bytes, 0, bytes.length);
  }

  onBodyPause(): void {
    this.#owner.client.connection.flush();
  }

  onBodyEnd(): void {
    if (this.#leftBytes > 0) this.#failLength(`${this.#head!.length - this.#leftBytes}`);
    else this.#owner.onAnswerEnd();
  }

  onBodyFailed(failure: HookFailure, error: unknown): void {
    this.cancel();
    const { requestId } = this.#owner;
    if (this.#hasSent) this.#answerer.noteLateFailure(requestId, failure, error);
    else this.#answerer.noteFailure(requestId, failure, error);
    this.#owner.onFailed(failure === "timeout" ? fault.ANSWER_TIMEOUT : fault.ANSWER_FAILED);
  }

  /** Most often it is that of a response whose fields were copied. */
  #failLength(bytes: string): void {
    const said = `its Content-Length says ${this.#head!.length}; leave that field out`;
    this.onBodyFailed("nonsense", new TypeError(`the body of its Response has ${bytes} bytes, ${said}`));
  }

  #finishWithout({ status, length }: AnswerHead): void {
    const told = status === 205 ? 0 : status === 204 ? -1 : length;
    this.#send(BODY_NONE, told);
    this.#owner.onAnswerEnd();
  }

  #send(body: number, contentLength: number): void {
    const { status, fields } = this.#head!;
    this.#hasSent = true;
    const outgoing = new OutgoingHead();
    outgoing.status = status;
    outgoing.body = body;
    outgoing.contentLength = contentLength;
    if (!fields.some(([name]) => name === "date")) outgoing.add("Date", this.#owner.engine.date.text);
    for (const [name, value] of fields) outgoing.add(name, value);
    this.#owner.onAnswerHead(outgoing);
  }
}

function isEventStream(contentType: string): boolean {
  return contentType.toLowerCase().startsWith("text/event-stream");
}
