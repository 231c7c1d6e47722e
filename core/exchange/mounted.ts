/**
 * A request that a program answers instead of a server: made a Request of the Web's kind, its body given as fast as the
 * program reads it. What it answers goes on by `answering.ts`.
 */

import { copyOf } from "../bytes/text.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import type { HookFailure } from "../observe/events.ts";
import { placeOfCode } from "../route/compile-route.ts";
import { BodySource, type SourceOwner } from "../script/body-source.ts";
import { NO_EDITS } from "../script/check-edits.ts";
import { appendField, makeRequest, mayHaveBody, type Unmakeable } from "../script/make-request.ts";
import { MountCall, type MountCallOwner } from "../script/mount-call.ts";
import type { Answerer } from "./answering.ts";
import { type ContinueOwner, maybeTellToGoOn } from "./continue.ts";
import type { ExchangeTrace } from "./exchange-trace.ts";
import { forwardRequest } from "./forward.ts";
import type { RequestView } from "./request-view.ts";
import { type BodyTaker, NOBODY_TAKES, type Upload } from "./upload.ts";

/** The exchange, as far as its program needs it. */
export interface MountedOwner extends ContinueOwner, RequestView {
  readonly targetSent: string | null;
  readonly status: number;
  readonly trace: ExchangeTrace | null;
  openTrace(): ExchangeTrace | null;
  onHookAnswer(response: unknown, answerer: Answerer): void;
  onFailed(reason: Fault): void;
}

const BAD_HOST = fault.clientRefusal(-fault.BAD_HOST);

export class Mounted implements BodyTaker, SourceOwner, MountCallOwner, Answerer {
  readonly #owner: MountedOwner;
  readonly #call: MountCall;
  readonly #abort = new AbortController();
  /** As `noteFailure` tells of it. */
  readonly #name: string;
  readonly #codeSource: string;
  #source: BodySource | null = null;
  /** Held, because on Node 20 a signal is not aborted any more once its Request was collected. */
  #request: Request | Unmakeable | null = null;
  #isHeld = false;
  #beganMs = 0;
  /** As traces tell it: of the answer, or of what came instead. */
  #outcome = "unanswered";
  #tookMs = 0;

  constructor(owner: MountedOwner) {
    const { action, id } = owner.route!;
    this.#owner = owner;
    this.#call = new MountCall(this, owner.engine.hooks, owner.plan!.timeouts.firstByteMs);
    this.#name = `${placeOfCode(id)}.mount`;
    this.#codeSource = action.kind === "mount" ? action.source : "";
  }

  /** `upload` is null for a request without a body. */
  begin(upload: Upload | null): void {
    const owner = this.#owner;
    const { action } = owner.route!;
    const { method } = owner;
    if (action.kind !== "mount") throw new Error("a request was mounted on a route without a program");
    if (mayHaveBody(method) && upload !== null) this.#source = new BodySource(this);
    upload?.giveTo(this.#source === null ? NOBODY_TAKES : this);
    const outgoing = forwardRequest(owner, owner.targetSent, NO_EDITS);
    const target = owner.targetSent ?? `${owner.path}${owner.query === "" ? "" : `?${owner.query}`}`;
    const headers = headersOf(outgoing);
    const host = headers.get("host") ?? "";
    this.#request = makeRequest({
      url: `${owner.scheme}://${host === "" ? "localhost" : host}${target.startsWith("/") ? target : "/"}`,
      method,
      headers,
      body: this.#source?.stream ?? null,
      signal: this.#abort.signal,
    });
    this.#beganMs = owner.engine.runtime.now();
    if (typeof this.#request !== "string") this.#call.begin(action.handler, this.#request);
    else owner.onFailed(this.#request === "host" ? BAD_HOST : fault.UNKNOWN_METHOD);
  }

  /** False: the program does not read as fast as the client sends. */
  piece(bytes: Uint8Array, start: number, end: number): boolean {
    this.#call.postpone();
    const isWritable = this.#source?.push(copyOf(bytes, start, end)) ?? true;
    this.#isHeld = !isWritable;
    return isWritable;
  }

  /** The request is complete. */
  end(): void {
    this.#call.postpone();
    this.#source?.end();
  }

  resume(): void {}

  /** The exchange is over; null: all went well. */
  finish(reason: Fault | null): void {
    const { engine, status, trace } = this.#owner;
    this.#call.abandon();
    if (this.#outcome === "unanswered") this.#tookMs = engine.runtime.now() - this.#beganMs;
    const kept = reason !== null || status >= 500 ? this.#owner.openTrace() : trace;
    kept?.noteHook({ hook: this.#name, tookMs: this.#tookMs, outcome: this.#outcome });
    const error = new Error(reason === null ? "the request is over" : reason.reason);
    if (reason !== null) this.#abort.abort(error);
    this.#source?.fail(error);
  }

  onBodyWanted(): void {
    this.#call.postpone();
    maybeTellToGoOn(this.#owner);
    if (this.#isHeld) this.#owner.client.connection.release();
    this.#isHeld = false;
  }

  /** What still comes is read and dropped. */
  onBodyUnwanted(): void {
    this.#isHeld = false;
    this.#owner.client.connection.release();
  }

  onMountAnswer(answer: unknown): void {
    this.#note("answered");
    this.#owner.onHookAnswer(answer, this);
  }

  noteFailure(requestId: string, failure: HookFailure, error: unknown): void {
    const hook = this.#name;
    const source = this.#codeSource;
    this.#note(failure);
    this.#owner.engine.hooks.notify({ kind: "hook-failed", hook, source, requestId, failure, error, rests: false });
  }

  noteLateFailure(requestId: string, failure: HookFailure, error: unknown): void {
    this.noteFailure(requestId, failure, error);
  }

  onMountFailed(failure: HookFailure, error: unknown): void {
    this.noteFailure(this.#owner.requestId, failure, error);
    this.#owner.onFailed(failure === "timeout" ? fault.MOUNT_TIMEOUT : fault.MOUNT_FAILED);
  }

  #note(outcome: string): void {
    this.#outcome = outcome;
    this.#tookMs = this.#owner.engine.runtime.now() - this.#beganMs;
  }
}

/** What servers would be sent, but for what concerns the connection. */
function headersOf({ fields, block, lines }: OutgoingHead): Headers {
  const headers = new Headers();
  if (fields !== null)
    for (let index = 0; index < fields.count; index++)
      if (!fields.isDropped(index)) appendField(headers, fields.nameText(index), fields.valueText(index));
  for (const { name, value } of [...(block?.lines ?? []), ...lines])
    if (name !== "Connection" && name !== "Upgrade" && name !== "TE") appendField(headers, name, value);
  return headers;
}
