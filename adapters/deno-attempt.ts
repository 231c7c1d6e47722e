/** A TCP connection that is being made by the kernel, past Deno's operations. */
import type { Attempt, ConnectDone, ConnectOptions, SocketError, TcpAddress } from "../core/runtime.ts";
import { nameOf } from "./deno-address.ts";
import { EINPROGRESS, errorOf } from "./deno-errno.ts";
import { errno, libc } from "./deno-libc.ts";
import { takeError, tune } from "./deno-options.ts";
import { poll, type Watcher } from "./deno-poll.ts";
import { TcpSocket, WATCHED_TO_WRITE } from "./deno-tcp.ts";
import { CANCELED } from "./socket-error.ts";

// Linux' numbers.
const SOCK_STREAM = 1;
const SOCK_CLOEXEC_NONBLOCK = 0o2004000;

/** Null where `address` is none of the kernel's. */
export function connectByTcp(options: ConnectOptions, address: TcpAddress, done: ConnectDone): Attempt | null {
  const name = nameOf(address);
  return name === null ? null : new TcpAttempt(options, address, name, done);
}

class TcpAttempt implements Attempt, Watcher {
  readonly #address: TcpAddress;
  readonly #highWaterBytes: number;
  readonly #done: ConnectDone;
  readonly #descriptor: number;
  #isOver = false;

  constructor(options: ConnectOptions, address: TcpAddress, name: Uint8Array, done: ConnectDone) {
    this.#address = address;
    this.#highWaterBytes = options.highWaterBytes;
    this.#done = done;
    this.#descriptor = libc!.socket(name[0] as number, SOCK_STREAM | SOCK_CLOEXEC_NONBLOCK, 0);
    poll!.use();
    if (this.#descriptor < 0) {
      this.#fail(errorOf(errno(), "socket"));
      return;
    }
    poll!.opened(this.#descriptor);
    tune(this.#descriptor, options.keepAliveMs ?? 0);
    const isBegun = libc!.connect(this.#descriptor, name, name.length) === 0;
    const error = isBegun ? EINPROGRESS : errno();
    if (error !== EINPROGRESS) this.#fail(errorOf(error, "connect"));
    else if (!poll!.watch(this.#descriptor, WATCHED_TO_WRITE, this)) this.#fail(errorOf(errno(), "epoll_ctl"));
  }

  onReady(events: number): void {
    const error = takeError(this.#descriptor);
    if (error !== 0) {
      this.#fail(errorOf(error, "connect"));
      return;
    }
    this.#isOver = true;
    const socket = new TcpSocket(this.#descriptor, this.#highWaterBytes, this.#address, false);
    poll!.handOver(this.#descriptor, socket);
    poll!.unuse();
    socket.guard(() => this.#done(null, socket));
    // With the end of the handshake there may have come more.
    if (!socket.closed) socket.onReady(events);
  }

  #fail(error: SocketError): void {
    this.#isOver = true;
    if (this.#descriptor >= 0) poll!.close(this.#descriptor);
    // Never from inside `connect`.
    queueMicrotask(() => {
      poll!.unuse();
      this.#done(error, null);
    });
  }

  cancel(): void {
    if (!this.#isOver) this.#fail(CANCELED);
  }
}
