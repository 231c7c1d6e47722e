/**
 * `context.fetch`: a request of a hook's own to an upstream of this proxy. It goes the way of any other, but for the
 * wire: what is opened for it is an exchange whose client is this file.
 */

import { hasNoContent } from "../http/status.ts";
import type { HookFailure } from "../observe/events.ts";
import { uneditable } from "../route/field-edits.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { BodyPump, type PumpOwner, type PumpSurroundings } from "./body-pump.ts";
import { BodySource, type SourceOwner } from "./body-source.ts";
import type { ByteStream, HookContext } from "./hooks.ts";

export interface InnerRequest {
  /** In lower case, as URLs have it. */
  readonly upstream: string;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  /** Null: there is no body; -1: nobody knows how long it is. */
  readonly length: number | null;
}

/** What is told of the answer. Nothing follows the end or the cut. */
export interface InnerClientOwner {
  onInnerHead(status: number, headers: Headers): void;
  /** The owner's from here on. False: no more before `resume`. */
  onInnerPiece(bytes: Uint8Array): boolean;
  onInnerEnd(): void;
  onInnerCut(): void;
  /** More of the request's body is taken. */
  onInnerWritable(): void;
}

/** The request under way. */
export interface InnerCall {
  /** How long a reader that takes nothing is waited for. */
  readonly sendIdleMs: number;
  begin(): void;
  /** False: no more before `onInnerWritable`. */
  piece(bytes: Uint8Array): boolean;
  /** Nothing more of it comes for now. */
  push(): void;
  /** That was all of it. */
  complete(): void;
  resume(): void;
  /** Nobody wants the answer, or what is left of it. */
  leave(): void;
}

/** Throws a TypeError when there is no such upstream, or the request is none. */
export type OpenInner = (request: InnerRequest, owner: InnerClientOwner) => InnerCall;

export interface FetchSurroundings extends PumpSurroundings {
  /** Between two pieces of a request's body. */
  readonly bodyIdleMs: number;
}

export function upstreamFetch(open: OpenInner, surroundings: FetchSurroundings): HookContext["fetch"] {
  return (input, init) => {
    const promise = new Promise<Response>((resolve, reject) => {
      const request = new Request(input, { duplex: "half", ...init } as RequestInit);
      new InnerFetch(request, open, surroundings, resolve, reject).begin();
    });
    // A hook that does not wait is no reason to end a process.
    promise.catch(() => {});
    return promise;
  };
}

class InnerFetch implements InnerClientOwner, PumpOwner, SourceOwner, TimerOwner {
  readonly #request: Request;
  readonly #open: OpenInner;
  readonly #surroundings: FetchSurroundings;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #timer = new Timer(this);
  readonly #onAbort = (): void => this.#fail(this.#request.signal.reason, true);
  #call: InnerCall | null = null;
  #pump: BodyPump | null = null;
  #source: BodySource | null = null;
  #isOver = false;

  constructor(
    request: Request,
    open: OpenInner,
    surroundings: FetchSurroundings,
    resolve: (response: Response) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#request = request;
    this.#open = open;
    this.#surroundings = surroundings;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  begin(): void {
    const { body, signal } = this.#request;
    if (signal.aborted) {
      this.#onAbort();
      return;
    }
    signal.addEventListener("abort", this.#onAbort);
    if (body === null) {
      this.#start(null);
      return;
    }
    this.#pump = new BodyPump(body as ByteStream, this, this.#surroundings, this.#surroundings.bodyIdleMs);
    this.#pump.start();
  }

  // ── the request's body ─────────────────────────────────────────────────────────────────────────────────────

  onBodyBegins(length: number): void {
    this.#start(length);
  }
  onBodyPiece(bytes: Uint8Array): boolean {
    return this.#call?.piece(bytes) ?? true;
  }
  onBodyPause(): void {
    this.#call?.push();
  }
  onBodyEnd(): void {
    this.#pump = null;
    this.#call?.complete();
  }
  onBodyFailed(failure: HookFailure, error: unknown): void {
    const why = failure === "timeout" ? new TypeError("context.fetch: the body of the request stood still") : error;
    this.#fail(why, true);
  }
  onInnerWritable(): void {
    this.#pump?.resume();
  }

  // ── the answer ─────────────────────────────────────────────────────────────────────────────────────────────

  onInnerHead(status: number, headers: Headers): void {
    const hasBody = this.#request.method !== "HEAD" && !hasNoContent(status);
    if (hasBody) this.#source = new BodySource(this);
    try {
      this.#resolve(new Response(this.#source?.stream ?? null, { status, headers }));
    } catch (error) {
      this.#fail(error, true); // a status that no Response may have
    }
  }
  onInnerPiece(bytes: Uint8Array): boolean {
    const isTaken = this.#source?.push(bytes) ?? true;
    if (!isTaken) this.#surroundings.timers.set(this.#timer, this.#call?.sendIdleMs ?? 0);
    return isTaken;
  }
  onInnerEnd(): void {
    this.#source?.end();
    this.#end();
  }
  onInnerCut(): void {
    this.#fail(new TypeError("context.fetch: the response was cut off"), false);
  }

  onBodyWanted(): void {
    if (this.#isOver) return;
    this.#surroundings.timers.clear(this.#timer);
    this.#call?.resume();
  }
  onBodyUnwanted(reason: unknown): void {
    this.#fail(reason, true);
  }
  onTimer(): void {
    this.#fail(new TypeError("context.fetch: nobody read the response for `timeouts.sendIdle`"), true);
  }

  #start(length: number | null): void {
    const { method, headers, url } = this.#request;
    try {
      const { protocol, hostname, port, pathname, search } = new URL(url);
      if (protocol !== "http:" || port !== "")
        throw new TypeError(`context.fetch: ${url.slice(0, 100)} is not of the form http://UPSTREAM/path`);
      const fields: [string, string][] = [["host", headers.get("host") ?? hostname]];
      for (const [name, value] of headers) if (uneditable(name) === null) fields.push([name, value]);
      const target = `${pathname}${search}`;
      this.#call = this.#open({ upstream: hostname, method, target, fields, length }, this);
    } catch (error) {
      this.#fail(error, false);
      return;
    }
    this.#call.begin();
  }

  #fail(error: unknown, aborts: boolean): void {
    if (this.#isOver) return;
    this.#end();
    this.#reject(error);
    this.#source?.fail(error);
    if (aborts) this.#call?.leave();
  }

  #end(): void {
    this.#isOver = true;
    this.#surroundings.timers.remove(this.#timer);
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#pump?.cancel(new Error("the request is over"));
  }
}
