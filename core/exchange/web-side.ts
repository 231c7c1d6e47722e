/**
 * Where an exchange meets streams and Responses of the Web's kind: an answer of a hook, a mounted program, bodies that
 * hooks make others of. Made for the first of them; most exchanges have none.
 */

import type { Fault } from "../fault.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import type { HookSet } from "../script/hook-set.ts";
import type { HookRequest } from "../script/hooks.ts";
import { type Answerer, Answering } from "./answering.ts";
import { applyEdits } from "./forward.ts";
import { Mounted, type MountedOwner } from "./mounted.ts";
import { isTransformable, type TransformedOwner, TransformedResponse, TransformedUpload } from "./transformed.ts";
import type { Tries } from "./tries.ts";
import { NOBODY_TAKES, type Upload } from "./upload.ts";

export interface WebSideOwner extends MountedOwner, TransformedOwner {}

export class WebSide {
  readonly #owner: WebSideOwner;
  #mounted: Mounted | null = null;
  #answering: Answering | null = null;
  #upload: TransformedUpload | null = null;
  #response: TransformedResponse | null = null;

  constructor(owner: WebSideOwner) {
    this.#owner = owner;
  }

  /** `upload` is null for a request without a body, here and below. */
  mount(upload: Upload | null): void {
    this.#mounted = new Mounted(this.#owner);
    this.#mounted.begin(upload);
  }

  answer(response: unknown, answerer: Answerer, upload: Upload | null): void {
    if (this.#mounted === null) upload?.giveTo(NOBODY_TAKES);
    this.#answering = new Answering(this.#owner, answerer);
    this.#answering.begin(response);
  }

  /** What the route says of an answer's fields is said of those of programs, too. */
  editAnswer(outgoing: OutgoingHead): void {
    if (this.#mounted !== null) applyEdits(this.#owner, outgoing, this.#owner.route!.responseEdits);
  }

  /** `tries` begin when the request may be sent. */
  transformUpload({ transformRequestBody }: HookSet, request: HookRequest, upload: Upload, tries: Tries): void {
    this.#upload = new TransformedUpload(this.#owner, upload, transformRequestBody, () => tries.begin());
    this.#upload.begin(request);
  }

  /** False: there is nothing to be transformed, and the head goes on as usual. */
  transformResponse({ transformResponseBody }: HookSet, request: HookRequest, outgoing: OutgoingHead): boolean {
    if (!isTransformable(this.#owner, outgoing)) return false;
    outgoing.detach();
    this.#response = new TransformedResponse(this.#owner, outgoing, transformResponseBody);
    this.#response.begin(request);
    return true;
  }

  /** What comes from the server goes to hooks; null: to the client. */
  get response(): TransformedResponse | null {
    return this.#response;
  }

  /** The client takes more. */
  resume(): void {
    this.#answering?.resume();
    this.#response?.resume();
  }

  /** The exchange is over; null: all went well. */
  finish(reason: Fault | null): void {
    this.#answering?.cancel();
    this.#mounted?.finish(reason);
    this.#upload?.cancel(reason);
    this.#response?.cancel(reason);
  }
}
