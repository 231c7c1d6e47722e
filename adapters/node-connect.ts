/** A connection attempt on Node's handle, for a socket without net.Socket around it. */
import type { Address, Attempt, ConnectDone, ConnectOptions } from "../core/runtime.ts";
import { type ConnectRequest, connectHandle, type SocketHandle } from "./node-handle.ts";
import { errorOf, HandleSocket } from "./node-handle-socket.ts";
import { CANCELED } from "./socket-error.ts";

class HandleAttempt implements Attempt {
  handle: SocketHandle | null = null;
  readonly #options: ConnectOptions;
  /** Null once it was told. */
  #done: ConnectDone | null;

  constructor(options: ConnectOptions, done: ConnectDone) {
    this.#options = options;
    this.#done = done;
  }

  cancel(): void {
    const done = this.#done;
    if (done === null) return;
    this.#done = null;
    this.handle?.close();
    queueMicrotask(() => done(CANCELED, null));
  }

  /** `status` is 0 or an errno. */
  completed(status: number): void {
    const done = this.#done;
    const handle = this.handle as SocketHandle;
    if (done === null) return;
    this.#done = null;
    const { address, highWaterBytes, keepAliveMs = 0 } = this.#options;
    if (status !== 0) {
      handle.close();
      done(errorOf(status, `connect to ${textOf(address)}`), null);
      return;
    }
    setOptions(handle, keepAliveMs);
    const socket = new HandleSocket(handle, highWaterBytes, address, false);
    socket.guard(() => done(null, socket));
    socket.beginReading();
  }
}

/** Null where this Node has no handles of its own, or `options` need a name looked up. */
export function connect(options: ConnectOptions, done: ConnectDone): Attempt | null {
  const attempt = new HandleAttempt(options, done);
  const connecting = connectHandle(options.address, attempt, onComplete);
  if (connecting === null) return null;
  attempt.handle = connecting.handle;
  // As some addresses are refused without asking anybody.
  if (connecting.status !== 0) queueMicrotask(() => attempt.completed(connecting.status));
  return attempt;
}

/** Of a connection that has none from its listener. */
export function setOptions(handle: SocketHandle, keepAliveMs: number): void {
  handle.setNoDelay?.(true);
  if (keepAliveMs > 0) handle.setKeepAlive?.(true, Math.floor(keepAliveMs / 1000));
}

function onComplete(this: ConnectRequest, status: number): void {
  (this.owner as HandleAttempt).completed(status);
}

function textOf(address: Address): string {
  return address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
}

/** libuv repeats the question every second, and gives up after the tenth. */
export function keepAliveOf({ keepAliveMs = 0 }: { readonly keepAliveMs?: number }): {
  keepAlive: boolean;
  keepAliveInitialDelay: number;
} {
  return { keepAlive: keepAliveMs > 0, keepAliveInitialDelay: keepAliveMs };
}
