/** One client's stay: gives each of its requests an exchange, and answers what is no request. */

import type { Slab } from "../bytes/slab.ts";
import { ClientSide } from "../exchange/client-side.ts";
import type { Engine } from "../exchange/engine.ts";
import { Exchange } from "../exchange/exchange.ts";
import { refusedTrace } from "../exchange/refused-trace.ts";
import { answerFault, writeAnswer } from "../exchange/respond.ts";
import type { Fault } from "../fault.ts";
import type { HeadBounds } from "../h1/parse-head.ts";
import { ServerConnection } from "../h1/server.ts";
import type { ServerOwner } from "../h1/server-owner.ts";
import type { RequestHead } from "../http/message.ts";
import type { RequestHandler } from "../http/wire.ts";
import type { Limits, Timeouts } from "../limits.ts";
import type { Socket } from "../runtime.ts";
import type { Timers } from "../time/timers.ts";
import type { Member } from "./roster.ts";

/** The listener a session came in by. */
export interface SessionHome {
  readonly name: string;
  /** It is no longer configured: its sessions end with the request they are at. */
  readonly isLeaving: boolean;
}

export class HttpSession implements ServerOwner, Member {
  place = -1;
  readonly connection: ServerConnection;
  readonly #engine: Engine;
  readonly #home: SessionHome;
  readonly #client: ClientSide;
  readonly #onClosed: (session: HttpSession) => void;

  constructor(engine: Engine, socket: Socket, home: SessionHome, onClosed: (session: HttpSession) => void) {
    this.#engine = engine;
    this.#home = home;
    this.#onClosed = onClosed;
    this.connection = new ServerConnection(socket, this);
    this.#client = new ClientSide(this.connection, socket, home.name);
  }

  /** The request under way. */
  get exchange(): Exchange | null {
    return this.connection.handler as Exchange | null;
  }

  /** Nothing is left but to see the client close, too. */
  get hasSaidAll(): boolean {
    const { isClosed, socket } = this.connection;
    return isClosed && socket.queuedBytes === 0;
  }

  /** Its listener's name has changed. */
  rename(): void {
    this.#client.listener = this.#home.name;
  }

  get timers(): Timers {
    return this.#engine.timers;
  }
  get slab(): Slab {
    return this.#engine.slab;
  }
  get limits(): Limits {
    return this.#engine.deployment.snapshot.limits;
  }
  get timeouts(): Timeouts {
    return this.#engine.deployment.snapshot.timeouts;
  }
  get requestBounds(): HeadBounds {
    return this.#engine.deployment.requestBounds;
  }
  keepsConnection(isFirst: boolean): boolean {
    return this.#engine.keepsConnection(isFirst) && !this.#home.isLeaving;
  }

  openExchange(head: RequestHead): RequestHandler {
    return new Exchange(this.#engine, this.#client, head);
  }

  refuse(fault: Fault, head: RequestHead): void {
    const { observer, traceRing, runtime } = this.#engine;
    const requestId = this.#engine.nextRequestId();
    const notice = {
      kind: "refused",
      listener: this.#client.listener,
      clientAddress: this.#client.address,
      method: head.methodText,
      target: head.targetText,
      fault,
      requestId,
    } as const;
    observer.onNotice(notice);
    if (traceRing.isOn) traceRing.keep(refusedTrace(notice, runtime.wallClockMs()));
    writeAnswer(this.connection, answerFault(fault, requestId, head.fields), head.method, this.#engine.date.text);
  }

  onConnectionClosed(): void {
    this.#client.closeBound();
    this.#onClosed(this);
  }
}
