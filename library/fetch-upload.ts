/** The body of a Request on its way into a connection, framed by what it says of its length, if that is true. */

import type { ClientConnection } from "../core/h1/client.ts";
import { BodyPump, type PumpOwner } from "../core/script/body-pump.ts";
import type { ByteStream } from "../core/script/hooks.ts";
import { Timers } from "../core/time/timers.ts";
import { declaredLength } from "./passing-fields.ts";

export interface UploadOwner {
  /** The head can be sent. `length` is -1 for a body that nobody knows the end of. Answers null when it can't. */
  onUploadBegins(length: number): ClientConnection | null;
  onUploadFailed(error: unknown): void;
}

/** By then a server has ended what it gave to a request without a body. Who sends one must not be waited for unwatched. */
const UNANNOUNCED_MS = 500;

/** Never moved on: a body is waited for as long as the proxy does. */
const SURROUNDINGS = { timers: new Timers(0), now: () => 0, reportDefect };

export class FetchUpload implements PumpOwner {
  readonly #owner: UploadOwner;
  readonly #declared: number;
  readonly #isAnnounced: boolean;
  readonly #pump: BodyPump;
  #connection: ClientConnection | null = null;
  /** Of a body whose length was told: what is still to come; -1 for any other. */
  #remaining = -1;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(request: Request, owner: UploadOwner) {
    this.#owner = owner;
    const { headers } = request;
    this.#declared = declaredLength(headers.get("content-length"));
    this.#isAnnounced = headers.has("content-length") || headers.has("transfer-encoding");
    this.#pump = new BodyPump(request.body as ByteStream, this, SURROUNDINGS, Number.POSITIVE_INFINITY);
  }

  /** Servers give a body to what came without one, such as OPTIONS; it ends before its first byte, but not at once. */
  start(): void {
    this.#pump.start(!this.#isAnnounced);
    if (!this.#isAnnounced) this.#timer = setTimeout(() => this.#pump.waitNoLonger(), UNANNOUNCED_MS);
  }

  resume(): void {
    this.#pump.resume();
  }

  cancel(reason: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#pump.cancel(reason);
  }

  onBodyBegins(length: number): void {
    clearTimeout(this.#timer);
    this.#remaining = length === -1 ? this.#declared : length;
    this.#connection = this.#owner.onUploadBegins(this.#remaining);
  }

  onBodyPiece(bytes: Uint8Array): boolean {
    if (this.#isOver || this.#connection === null) return true;
    if (this.#remaining !== -1) {
      // What is too much would be read as the next request.
      if (bytes.length > this.#remaining) {
        this.#fail("longer");
        return true;
      }
      this.#remaining -= bytes.length;
    }
    return this.#connection.body(bytes, 0, bytes.length);
  }

  onBodyPause(): void {
    if (!this.#isOver) this.#connection?.flush();
  }

  onBodyEnd(): void {
    if (this.#isOver) return;
    if (this.#remaining > 0) this.#fail("shorter");
    else this.#connection?.end(null);
  }

  onBodyFailed(_failure: unknown, error: unknown): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#owner.onUploadFailed(error);
  }

  #fail(how: string): void {
    this.#owner.onUploadFailed(new TypeError(`the body of the request is ${how} than its Content-Length`));
  }
}

/** Where nobody waits for it, so that the process hears of it; `reportError` is not on every runtime. */
function reportDefect(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
