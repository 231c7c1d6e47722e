/** A listening TCP socket of the kernel, past Deno's operations. */
import type { Address, Listener, ListenHandler, ListenOptions, SocketError, TcpAddress } from "../core/runtime.ts";
import { bindEverywhere } from "./binding.ts";
import { addressIn, nameLength, nameOf, nameRoom } from "./deno-address.ts";
import { EAGAIN, EINTR, errorOf } from "./deno-errno.ts";
import { errno, libc } from "./deno-libc.ts";
import { share, tune } from "./deno-options.ts";
import { EPOLLIN, poll, type Watcher } from "./deno-poll.ts";
import { TcpSocket } from "./deno-tcp.ts";

// Linux' numbers.
const SOCK_STREAM = 1;
const SOCK_CLOEXEC_NONBLOCK = 0o2004000;

/** How long accepting rests after EMFILE: long enough not to spin, short enough not to be seen. */
const ACCEPT_REST_MS = 30;
/** The rest has to wait for the next turn, so that those that are served go on. */
const ACCEPTED_OF_TURN_MAX = 64;

/** Null where `address` is none of the kernel's. Throws a SocketError. */
export function listenOnTcp(options: ListenOptions, address: TcpAddress, handler: ListenHandler): TcpListening | null {
  const bind = (host: string) => listenAt(address, { ...address, host }, options, handler);
  return address.host === "" ? bindEverywhere(bind) : bind(address.host);
}

function listenAt(
  asked: TcpAddress,
  address: TcpAddress,
  options: ListenOptions,
  handler: ListenHandler,
): TcpListening | null {
  const name = nameOf(address);
  if (name === null) return null;
  const descriptor = libc!.socket(name[0] as number, SOCK_STREAM | SOCK_CLOEXEC_NONBLOCK, 0);
  if (descriptor < 0) throw errorOf(errno(), "socket");
  share(descriptor, options.reusePort);
  tune(descriptor, options.keepAliveMs ?? 0);
  if (libc!.bind(descriptor, name, name.length) !== 0 || libc!.listen(descriptor, options.backlog) !== 0) {
    const error = errorOf(errno(), "listen");
    libc!.close(descriptor);
    throw error;
  }
  nameLength[0] = nameRoom.length;
  libc!.getsockname(descriptor, nameRoom, nameLength);
  const { port } = addressIn(nameRoom) as TcpAddress;
  return new TcpListening(descriptor, { ...asked, port }, options, handler);
}

export class TcpListening implements Listener, Watcher {
  readonly address: Address;
  readonly #descriptor: number;
  readonly #highWaterBytes: number;
  readonly #backlog: number;
  readonly #handler: ListenHandler;
  #isPaused = false;
  #isWatched = false;
  #isClosed = false;

  constructor(descriptor: number, address: Address, options: ListenOptions, handler: ListenHandler) {
    this.#descriptor = descriptor;
    this.address = address;
    this.#highWaterBytes = options.highWaterBytes;
    this.#backlog = options.backlog;
    this.#handler = handler;
    poll!.use();
    poll!.opened(descriptor);
    this.#watch();
  }

  #watch(): void {
    if (this.#isWatched || this.#isPaused || this.#isClosed) return;
    this.#isWatched = poll!.watch(this.#descriptor, EPOLLIN, this);
    if (!this.#isWatched) this.#isFailure(errorOf(errno(), "epoll_ctl"));
  }

  #unwatch(): void {
    if (this.#isWatched) poll!.unwatch(this.#descriptor);
    this.#isWatched = false;
  }

  pause(): void {
    this.#isPaused = true;
    this.#unwatch();
  }

  resume(): void {
    this.#isPaused = false;
    this.#watch();
  }

  /** TCP has no file that could be lost. */
  isReachable(): boolean {
    return !this.#isClosed;
  }

  onReady(): void {
    this.#acceptAll(ACCEPTED_OF_TURN_MAX);
  }

  /** Until nothing waits, or so many were accepted. */
  #acceptAll(countMax: number): void {
    for (let count = 0; count < countMax && !this.#isPaused && !this.#isClosed; count++) {
      nameLength[0] = nameRoom.length;
      const descriptor = libc!.accept4(this.#descriptor, nameRoom, nameLength, SOCK_CLOEXEC_NONBLOCK);
      if (descriptor >= 0) {
        this.#accepted(descriptor);
        continue;
      }
      const error = errno();
      if (error === EAGAIN) return;
      if (error !== EINTR && this.#isFailure(errorOf(error, "accept"))) return;
    }
  }

  #isFailure(error: SocketError): boolean {
    // A connection that died in the queue is no reason to rest.
    const rests = error.code !== "ECONNRESET";
    if (rests) {
      this.#unwatch();
      setTimeout(() => this.#watch(), ACCEPT_REST_MS);
    }
    this.#handler.onAcceptError(error); // last: should it throw, accepting rests all the same
    return rests;
  }

  #accepted(descriptor: number): void {
    poll!.opened(descriptor);
    const socket = new TcpSocket(descriptor, this.#highWaterBytes, addressIn(nameRoom), true);
    socket.guard(() => this.#handler.onSocket(socket));
    // Most clients send at once, so the request waits already.
    socket.readOn();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    // What waits in the queue would be reset. It is no longer than this, while those who are told to go elsewhere may come again
    // for as long as they are accepted. The kernel lets in one more than it was asked for.
    this.#acceptAll(this.#backlog + 1);
    if (this.#isClosed) return; // by somebody it was told of
    this.#unwatch();
    this.#isClosed = true;
    poll!.close(this.#descriptor);
    poll!.unuse();
  }
}
