/**
 * Bodies that hooks make other bodies of, between client and server. Heads wait until it is known what the body is to be
 * like: the response's for its first byte, the request's for that, too, so that a hook that fails has harmed nobody.
 */

import { copyOf } from "../bytes/text.ts";
import type { Fault } from "../fault.ts";
import { BODY_NONE, METHOD_HEAD } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { hasNoContent } from "../http/status.ts";
import type { TraceHook } from "../observe/trace.ts";
import { BodyTransforms, type TransformsOwner } from "../script/body-transforms.ts";
import type { Hook, HookEnd } from "../script/hook.ts";
import type { HookRequest } from "../script/hooks.ts";
import { ShownResponse } from "../script/shown-response.ts";
import type { TransformHook } from "../script/transform-stage.ts";
import type { AnsweringOwner } from "./answering.ts";
import { type ContinueOwner, maybeTellToGoOn } from "./continue.ts";
import { failureOf, type HookedOwner, traceFor } from "./hooked.ts";
import { reframeResponse } from "./reframe.ts";
import type { RequestView } from "./request-view.ts";
import type { BodyTaker, Upload } from "./upload.ts";

/** The exchange, as far as bodies that are transformed need it. */
export interface TransformedOwner
  extends AnsweringOwner,
    ContinueOwner,
    Pick<HookedOwner, "trace" | "openTrace" | "onHookAnswer"> {
  readonly attempts: number;
  /** The server may send more of its response. */
  onTransformWanted(): void;
}

/** Whether there is a body, and it is one of itself: a part of another one means nothing. */
export function isTransformable({ head }: RequestView, { status, body }: OutgoingHead): boolean {
  return body !== BODY_NONE && head.method !== METHOD_HEAD && !hasNoContent(status) && status !== 206;
}

/** What is the same in both directions: how the body comes in, and what is said of it. */
abstract class Transformed implements TransformsOwner {
  protected readonly owner: TransformedOwner;
  protected readonly transforms: BodyTransforms;

  constructor(owner: TransformedOwner, hooks: readonly TransformHook[]) {
    this.owner = owner;
    this.transforms = new BodyTransforms(hooks, owner.requestId, this);
  }

  /** False: no more before `onTransformWanted`. */
  piece(bytes: Uint8Array, start: number, end: number): boolean {
    return this.transforms.push(copyOf(bytes, start, end));
  }
  end(): void {
    this.transforms.end();
  }
  /** Whoever gets what comes of it takes more. */
  resume(): void {
    this.transforms.resume();
  }
  cancel(reason: Fault | null): void {
    this.transforms.cancel(new Error(reason === null ? "the request is over" : reason.reason));
  }

  abstract onTransformBegins(length: number, isOriginal: boolean): void;
  abstract onTransformPiece(bytes: Uint8Array): boolean;
  abstract onTransformPause(): void;
  abstract onTransformEnd(): void;
  abstract onTransformWanted(): void;

  onTransformFailed(hook: TransformHook, end: HookEnd): void {
    this.owner.onFailed(failureOf(hook, end));
  }
  onTransformNote(note: TraceHook): void {
    traceFor(this.owner, note.outcome)?.noteHook(note);
  }
}

export class TransformedResponse extends Transformed {
  readonly #outgoing: OutgoingHead;

  /** `outgoing` is the head as it would be sent, detached. */
  constructor(owner: TransformedOwner, outgoing: OutgoingHead, hooks: readonly Hook<"transformResponseBody">[]) {
    super(owner, hooks);
    this.#outgoing = outgoing;
  }

  begin(request: HookRequest): void {
    const { upstream, server, attempts } = this.owner;
    const { status, lines } = this.#outgoing;
    const response = new ShownResponse({ status, upstream, server, attempts, fields: [...lines] });
    this.transforms.begin((hook, body, context) =>
      (hook as Hook<"transformResponseBody">).definition.run(body, response, request, context),
    );
  }

  onTransformBegins(length: number, isOriginal: boolean): void {
    if (!isOriginal) reframeResponse(this.#outgoing, length);
    this.owner.onAnswerHead(this.#outgoing);
  }
  onTransformPiece(bytes: Uint8Array): boolean {
    this.owner.responseBytes += bytes.length;
    return this.owner.client.connection.body(bytes, 0, bytes.length);
  }
  onTransformPause(): void {
    this.owner.client.connection.flush();
  }
  onTransformEnd(): void {
    this.owner.onAnswerEnd();
  }
  onTransformWanted(): void {
    this.owner.onTransformWanted();
  }
}

export class TransformedUpload extends Transformed implements BodyTaker {
  readonly #upload: Upload;
  readonly #onReady: () => void;

  /** `onReady` is called once it is known how the request is framed: now it may be sent. */
  constructor(
    owner: TransformedOwner,
    upload: Upload,
    hooks: readonly Hook<"transformRequestBody">[],
    onReady: () => void,
  ) {
    super(owner, hooks);
    this.#upload = upload;
    this.#onReady = onReady;
  }

  begin(request: HookRequest): void {
    this.#upload.giveTo(this);
    this.transforms.begin((hook, body, context) =>
      (hook as Hook<"transformRequestBody">).definition.run(body, request, context),
    );
  }

  onTransformBegins(length: number, isOriginal: boolean): void {
    if (!isOriginal) this.#upload.newLength = length;
    this.#onReady();
  }
  onTransformPiece(bytes: Uint8Array): boolean {
    return this.#upload.pass(bytes, 0, bytes.length);
  }
  onTransformPause(): void {
    this.#upload.flush();
  }
  onTransformEnd(): void {
    this.#upload.complete();
  }
  onTransformAnswered(hook: TransformHook, response: Response): void {
    this.owner.onHookAnswer(response, hook);
  }
  onTransformWanted(): void {
    maybeTellToGoOn(this.owner);
    this.owner.client.connection.release();
  }
}
