/** One listening address: accepts within the limits, keeps its sessions, drains. */

import type { Engine } from "../exchange/engine.ts";
import type { ListenerDefinition } from "../exchange/snapshot.ts";
import { HIGH_WATER_BYTES, LISTEN_BACKLOG } from "../limits.ts";
import type { Notice } from "../observe/events.ts";
import type { Address, ListenHandler, Listener as PortListener, Socket, SocketError } from "../runtime.ts";
import { HttpSession } from "./http-session.ts";
import type { Pressed, Pressure } from "./pressure.ts";

export class Listener implements ListenHandler, Pressed {
  readonly definition: ListenerDefinition;
  readonly sessions = new Set<HttpSession>();
  readonly #engine: Engine;
  readonly #pressure: Pressure;
  #port: PortListener | null = null;

  constructor(engine: Engine, definition: ListenerDefinition, pressure: Pressure) {
    this.#engine = engine;
    this.definition = definition;
    this.#pressure = pressure;
  }

  /** Rejects with a SocketError. */
  async start(): Promise<void> {
    this.#port = await this.#engine.runtime.listen(
      {
        address: this.definition.address,
        backlog: LISTEN_BACKLOG,
        reusePort: this.definition.reusePort,
        highWaterBytes: HIGH_WATER_BYTES,
        tls: null,
      },
      this,
    );
    this.#pressure.listeners.add(this);
    if (this.#pressure.isFull) this.pauseAccepting();
  }

  /** The address really bound. */
  get address(): Address {
    return this.#port === null ? this.definition.address : this.#port.address;
  }

  onSocket(socket: Socket): void {
    const pressure = this.#pressure;
    const { connectionsMax } = pressure;
    if (pressure.isFull) {
      this.#shed(socket, { kind: "connection-shed", listener: this.definition.name, limit: connectionsMax });
      return;
    }
    const { trusted, snapshot } = this.#engine.deployment;
    const limit = snapshot.limits.connectionsPerAddressMax;
    const key = pressure.addresses.enter(socket.peer, limit, trusted);
    if (key === null) {
      const clientAddress = socket.peer.kind === "tcp" ? socket.peer.host : "unix";
      this.#shed(socket, { kind: "address-shed", listener: this.definition.name, clientAddress, limit });
      return;
    }
    this.sessions.add(
      new HttpSession(this.#engine, socket, this.definition.name, (session) => {
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

  onAcceptError(error: SocketError): void {
    this.#engine.observer.onNotice({ kind: "accept-failed", listener: this.definition.name, error });
  }

  pauseAccepting(): void {
    this.#port?.pause();
  }

  resumeAccepting(): void {
    this.#port?.resume();
  }

  async stopAccepting(): Promise<void> {
    this.#pressure.listeners.delete(this);
    await this.#port?.close();
  }

  closeIdle(): void {
    for (const session of [...this.sessions]) if (session.connection.isIdle) session.connection.leave();
  }

  closeAll(): void {
    for (const session of [...this.sessions]) session.connection.close();
  }
}

const NOBODY = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
