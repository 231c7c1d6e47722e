/** One listening address: accepts within the limits, keeps its sessions, drains. */

import type { Engine } from "../exchange/engine.ts";
import type { ListenerDefinition } from "../exchange/snapshot.ts";
import type { Fault } from "../fault.ts";
import { UNIX_CLIENT } from "../http/address-block.ts";
import { EARLY_CONNECTIONS_MAX, HIGH_WATER_BYTES, LISTEN_BACKLOG, TCP_KEEP_ALIVE_MS } from "../limits.ts";
import type { Notice } from "../observe/events.ts";
import type {
  Address,
  ListenHandler,
  Listener as PortListener,
  Socket,
  SocketError,
  SocketHandler,
} from "../runtime.ts";
import { HttpSession, type SessionHome } from "./http-session.ts";
import type { PressedListener, Pressure } from "./pressure.ts";
import { Roster } from "./roster.ts";

export class Listener implements ListenHandler, PressedListener, SessionHome {
  definition: ListenerDefinition;
  readonly sessions = new Roster<HttpSession>();
  isLeaving = false;
  /** Nobody comes any more. */
  hasClosed = false;
  #hasStopped = false;
  readonly #engine: Engine;
  readonly #pressure: Pressure;
  #port: PortListener | null = null;
  /** Accepted before the configuration it belongs to is in force; null once it is. */
  #early: Set<Socket> | null = new Set();

  constructor(engine: Engine, definition: ListenerDefinition, pressure: Pressure) {
    this.#engine = engine;
    this.definition = definition;
    this.#pressure = pressure;
  }

  get name(): string {
    return this.definition.name;
  }

  /** Nobody finds it any more: its UNIX socket was removed, or another has its place. */
  get isLost(): boolean {
    return this.#port !== null && !this.#port.isReachable();
  }

  /** Listens, or listens anew when it is lost. Rejects with a SocketError. Connections wait for `open`. */
  async start(): Promise<void> {
    const lost = this.#port;
    if (lost?.isReachable()) return;
    let port = await this.#listen();
    await lost?.close();
    // Deno may have removed the new file with the lost one, where it may write none beside it. That is over now.
    if (!port.isReachable()) {
      await port.close();
      port = await this.#listen();
    }
    if (this.#hasStopped) return port.close();
    this.#port = port;
    this.#pressure.listeners.add(this);
    if (this.#pressure.isFull) this.pauseAccepting();
  }

  #listen(): Promise<PortListener> {
    const { address, reusePort } = this.definition;
    const options = {
      address,
      backlog: LISTEN_BACKLOG,
      reusePort,
      highWaterBytes: HIGH_WATER_BYTES,
      keepAliveMs: TCP_KEEP_ALIVE_MS,
      tls: null,
    };
    return this.#engine.runtime.listen(options, this);
  }

  /** From here on connections are served. */
  open(): void {
    const early = this.#early;
    this.#early = null;
    for (const socket of early ?? []) this.onSocket(socket);
  }

  /** A new configuration may call it by another name. */
  goBy(definition: ListenerDefinition): void {
    const isRenamed = definition.name !== this.definition.name;
    this.definition = definition;
    if (isRenamed) for (const session of this.sessions) session.rename();
  }

  /** The address really bound. */
  get address(): Address {
    return this.#port === null ? this.definition.address : this.#port.address;
  }

  onSocket(socket: Socket): void {
    if (this.#early !== null) {
      this.#keepWaiting(socket, this.#early);
      return;
    }
    const pressure = this.#pressure;
    if (pressure.isFull) {
      this.#shed(socket, { kind: "connection-shed", listener: this.name, ...pressure.bound });
      return;
    }
    const { trusted, snapshot } = this.#engine.deployment;
    const limit = snapshot.limits.connectionsPerAddressMax;
    const key = pressure.addresses.enter(socket.peer, limit, trusted);
    if (key === null) {
      const clientAddress = socket.peer.kind === "tcp" ? socket.peer.host : UNIX_CLIENT;
      this.#shed(socket, { kind: "address-shed", listener: this.name, clientAddress, limit });
      return;
    }
    this.sessions.add(
      new HttpSession(this.#engine, socket, this, (session) => {
        this.sessions.delete(session);
        pressure.addresses.leave(key);
        pressure.closed(session);
      }),
    );
    pressure.opened();
  }

  /** Closed at once rather than left in the queue: descriptors for the requests under way come first. */
  #shed(socket: Socket, notice: Notice): void {
    socket.handler = NOBODY;
    socket.reset();
    this.#engine.observer.onNotice(notice);
  }

  #keepWaiting(socket: Socket, early: Set<Socket>): void {
    if (early.size >= EARLY_CONNECTIONS_MAX) {
      const limit = EARLY_CONNECTIONS_MAX;
      this.#shed(socket, { kind: "connection-shed", listener: this.name, limit, by: "starting" });
      return;
    }
    early.add(socket);
    socket.handler = new EarlyHandler(early);
  }

  onAcceptError(error: SocketError): void {
    const { observer, runtime } = this.#engine;
    const { code } = error;
    if ((code === "EMFILE" || code === "ENFILE") && !this.#pressure.mayTellOfDescriptors()) return;
    const { name: listener } = this;
    if (code === "EMFILE")
      observer.onNotice({ kind: "descriptors-exhausted", listener, limit: runtime.descriptorsMax() });
    else observer.onNotice({ kind: "accept-failed", listener, error });
  }

  pauseAccepting(): void {
    this.#port?.pause();
    const { runtime, observer } = this.#engine;
    if (!runtime.capabilities.acceptPause) return;
    observer.onNotice({ kind: "accept-paused", listener: this.definition.name, ...this.#pressure.bound });
  }

  resumeAccepting(): void {
    this.#port?.resume();
  }

  /** Resolves when what the kernel had accepted has been handed over, as far as the runtime can, and no more comes. */
  async stopAccepting(): Promise<void> {
    this.#hasStopped = true;
    this.#pressure.listeners.delete(this);
    await this.#port?.close();
    this.hasClosed = true;
  }

  /** One request that is on its way may still come within `lastChanceMs`. May be said again. */
  closeIdle(lastChanceMs: number): void {
    for (const session of this.sessions) session.connection.leave(lastChanceMs);
  }

  closeAll(reason?: Fault): void {
    for (const session of this.sessions) session.connection.close(reason);
    for (const socket of this.#early ?? []) socket.destroy();
  }
}

const NOBODY: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

/** Of a socket that waits, still paused: it may go away. */
class EarlyHandler implements SocketHandler {
  readonly #early: Set<Socket>;

  constructor(early: Set<Socket>) {
    this.#early = early;
  }

  onData(): void {}
  onDrain(): void {}
  onEnd(): void {}
  onClose(socket: Socket): void {
    this.#early.delete(socket);
  }
}
