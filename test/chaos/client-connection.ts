import type { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { ResponseReader, type SeenResponse } from "./response-reader.ts";

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** How a request on a connection ended. */
export type Ending =
  | { readonly kind: "response"; readonly response: SeenResponse }
  | { readonly kind: "refused" | "reset-before-bytes" | "reset-after-request" | "truncated"; readonly detail: string }
  | { readonly kind: "garbled"; readonly detail: string };

/** One keep-alive connection of the load client. It knows when it ended while nothing was asked. */
export class ClientConnection {
  /** Responses received. */
  served = 0;
  isClosed = false;
  /** Bytes came that nobody had asked for. */
  hasGarbled = false;
  readonly #socket: Socket;
  readonly #reader = new ResponseReader();
  readonly #onGone: (connection: ClientConnection) => void;
  #isConnected = false;
  #method = "";
  #done: ((ending: Ending) => void) | null = null;
  #error = "closed";

  constructor(target: Target, localAddress: string, onGone: (connection: ClientConnection) => void) {
    this.#onGone = onGone;
    this.#socket = connect({ ...target, localAddress, noDelay: true });
    this.#socket.once("connect", () => {
      this.#isConnected = true;
    });
    this.#socket.on("data", (bytes: Buffer) => this.#onBytes(bytes));
    this.#socket.on("error", (error: Error & { code?: string }) => {
      this.#error = error.code ?? error.message;
    });
    this.#socket.on("end", () => {
      this.#error = "FIN";
      this.isClosed = true;
    });
    this.#socket.once("close", () => this.#onClose());
  }

  get isBusy(): boolean {
    return this.#done !== null;
  }

  ask(method: string, bytes: Buffer, done: (ending: Ending) => void): void {
    this.#method = method;
    this.#done = done;
    this.#socket.write(bytes);
  }

  destroy(): void {
    this.#done = null;
    this.#socket.destroy();
  }

  reset(): void {
    this.#done = null;
    this.#socket.resetAndDestroy();
  }

  #onBytes(bytes: Buffer): void {
    if (this.#done === null) {
      this.hasGarbled = true;
      this.destroy();
      return;
    }
    let response: SeenResponse | null;
    try {
      response = this.#reader.take(bytes, this.#method);
    } catch (error) {
      this.#finish({ kind: "garbled", detail: (error as Error).message });
      this.destroy();
      return;
    }
    if (response === null) return;
    this.served++;
    // Before the answer is told: whoever asks next must not take a connection that ends.
    if (!response.keepsAlive) {
      this.isClosed = true;
      this.#socket.end();
    }
    this.#finish({ kind: "response", response });
  }

  #onClose(): void {
    this.isClosed = true;
    const detail = this.#error;
    if (this.#done !== null) {
      if (!this.#isConnected) this.#finish({ kind: "refused", detail });
      else if (this.#reader.hasBegun) this.#finish({ kind: "truncated", detail });
      else if (this.#socket.bytesWritten === 0) this.#finish({ kind: "reset-before-bytes", detail });
      else this.#finish({ kind: "reset-after-request", detail });
    }
    this.#onGone(this);
  }

  #finish(ending: Ending): void {
    const done = this.#done;
    this.#done = null;
    done?.(ending);
  }
}
