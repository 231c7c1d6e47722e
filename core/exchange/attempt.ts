/** One try of an exchange at one server: the lease, the request out, the response in. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { ClientConnection } from "../h1/client.ts";
import type { Fields } from "../http/fields.ts";
import type { RequestHead, ResponseHead } from "../http/message.ts";
import type { ResponseHandler } from "../http/wire.ts";
import type { Borrower } from "../upstream/connections.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { type Outcome, outcomeOfFault, outcomeOfStatus } from "../upstream/outcome.ts";
import type { ClientSide } from "./client-side.ts";
import type { RoutePlan } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import { isEventStream } from "./response-notes.ts";

/** The exchange, as far as a try needs it. */
export interface AttemptOwner {
  readonly engine: Engine;
  readonly client: ClientSide;
  readonly head: RequestHead;
  readonly plan: RoutePlan | null;
  readonly asksUpgrade: boolean;
  /** There is a connection: everything of the request that is there goes out. */
  sendRequest(attempt: Attempt, connection: ClientConnection): void;
  onInterim(head: ResponseHead): void;
  onResponseHead(attempt: Attempt, head: ResponseHead): void;
  onResponsePiece(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void;
  onResponseFlush(): void;
  onResponseEnd(attempt: Attempt, trailers: Fields | null): void;
  onUpstreamWritable(): void;
  /** The try is over without a complete response. */
  onAttemptFailed(attempt: Attempt, reason: Fault): void;
}

export class Attempt implements ResponseHandler, Borrower {
  readonly endpoint: Endpoint;
  readonly #exchange: AttemptOwner;
  /** Null before the lease and after it was given back. */
  connection: ClientConnection | null = null;
  /** The connection had served a request before this one. */
  isReused = false;
  /** Anything of a response came, be it half a head. */
  hasHeard = false;
  #isOver = false;
  /** What is known of the server so far: what would be reported if the client left now. */
  #outcome: Outcome = "abandoned";
  #isReported = false;
  #sentMs = 0;
  #latencyMs = -1;

  constructor(exchange: AttemptOwner, endpoint: Endpoint) {
    this.#exchange = exchange;
    this.endpoint = endpoint;
  }

  get connectMs(): number {
    return this.#exchange.plan!.timeouts.connectMs;
  }

  /** `fresh` takes no connection that was used before. */
  start(fresh: boolean): void {
    this.endpoint.inFlight++;
    const bound = fresh ? null : this.#exchange.client.takeBound(this.endpoint);
    if (bound !== null) this.onLease(bound);
    else this.endpoint.connections.lease(this, fresh);
  }

  onLease(connection: ClientConnection): void {
    const exchange = this.#exchange;
    this.connection = connection;
    connection.begin(this, exchange.plan!, exchange.head.method, exchange.asksUpgrade);
    this.isReused = connection.isReused;
    if (exchange.plan!.group!.wantsLatency) this.#sentMs = exchange.engine.runtime.now();
    exchange.sendRequest(this, connection);
  }

  onLeaseFailed(reason: Fault): void {
    this.#outcome = outcomeOfFault(reason);
    this.#leave();
    this.#exchange.onAttemptFailed(this, reason);
  }

  onInterim(head: ResponseHead): void {
    this.#exchange.onInterim(head);
  }

  onHead(head: ResponseHead): void {
    this.#outcome = outcomeOfStatus(head.status);
    if (this.#sentMs !== 0) this.#latencyMs = this.#exchange.engine.runtime.now() - this.#sentMs;
    // These may go on for hours, and the server has done its part.
    if (head.status === 101 || isEventStream(head)) this.#report();
    this.#exchange.onResponseHead(this, head);
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    this.#exchange.onResponsePiece(this, bytes, start, end);
  }

  onEnd(trailers: Fields | null): void {
    this.#exchange.onResponseEnd(this, trailers);
  }

  onFlush(): void {
    this.#exchange.onResponseFlush();
  }

  onWritable(): void {
    this.#exchange.onUpstreamWritable();
  }

  onFault(reason: Fault): void {
    this.hasHeard = this.connection?.hasHeard ?? false;
    this.connection = null;
    // A server that closes what was idle has not failed.
    const isStale = this.isReused && !this.hasHeard && isLost(reason);
    this.#outcome = isStale ? "abandoned" : outcomeOfFault(reason);
    this.#leave();
    this.#exchange.onAttemptFailed(this, reason);
  }

  /** The response is complete: the connection goes back, to the client it is bound to or to the pool. */
  giveBack(): void {
    const { connection } = this;
    this.connection = null;
    this.#leave();
    if (connection === null) return;
    if (!connection.isBound) {
      this.endpoint.connections.giveBack(connection);
      return;
    }
    const { client } = this.#exchange;
    if (!connection.isReusable || client.connection.isClosed) {
      connection.close();
      return;
    }
    connection.rest();
    client.bound = connection;
    client.boundTo = this.endpoint;
  }

  /** Gives up, whatever the state. */
  abandon(): void {
    if (this.#isOver) return;
    if (this.connection === null) this.endpoint.connections.cancel(this);
    else this.connection.close();
    this.connection = null;
    this.#leave();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.endpoint.inFlight--;
    this.#report();
  }

  #report(): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#exchange.plan!.group!.report(this.endpoint, this.#outcome, this.#latencyMs);
  }
}

function isLost(reason: Fault): boolean {
  return reason === fault.UPSTREAM_CLOSED || reason === fault.UPSTREAM_RESET;
}
