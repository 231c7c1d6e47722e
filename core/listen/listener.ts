/** One listening address: accepts within the limits, keeps its sessions, drains. */

import type { Engine } from "../exchange/engine.ts";
import type { ListenerDefinition } from "../exchange/snapshot.ts";
import { HIGH_WATER_BYTES, LISTEN_BACKLOG } from "../limits.ts";
import type { Address, ListenHandler, Listener as PortListener, Socket, SocketError } from "../runtime.ts";
import { HttpSession } from "./http-session.ts";

/** Counts the client connections of all listeners together. */
export interface ConnectionBudget {
  readonly connectionsMax: number;
  count: number;
}

export class Listener implements ListenHandler {
  readonly definition: ListenerDefinition;
  readonly sessions = new Set<HttpSession>();
  readonly #engine: Engine;
  readonly #budget: ConnectionBudget;
  #port: PortListener | null = null;

  constructor(engine: Engine, definition: ListenerDefinition, budget: ConnectionBudget) {
    this.#engine = engine;
    this.definition = definition;
    this.#budget = budget;
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
  }

  /** The address really bound. */
  get address(): Address {
    return this.#port === null ? this.definition.address : this.#port.address;
  }

  onSocket(socket: Socket): void {
    const budget = this.#budget;
    if (budget.count >= budget.connectionsMax) {
      // Closed at once rather than left in the queue: descriptors for the requests under way come first.
      socket.handler = NOBODY;
      socket.reset();
      this.#engine.observer.onNotice({
        kind: "connection-shed",
        listener: this.definition.name,
        limit: budget.connectionsMax,
      });
      return;
    }
    budget.count++;
    this.sessions.add(
      new HttpSession(this.#engine, socket, this.definition.name, (session) => {
        this.sessions.delete(session);
        budget.count--;
      }),
    );
  }

  onAcceptError(error: SocketError): void {
    this.#engine.observer.onNotice({ kind: "accept-failed", listener: this.definition.name, error });
  }

  async stopAccepting(): Promise<void> {
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
