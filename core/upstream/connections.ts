/**
 * The connections of one server: lent for a request, kept between requests, made when there are none. Whoever asks
 * sees to it that there is a place; who waits for one is the group's matter (`wait-queue.ts`).
 *
 *     lease ──► idle one? ──► lent
 *        │ no       room? ──► connecting ──► lent ──► giveBack ──► idle (last used, first lent) ──► closed when stale
 *                                                         └─── each place that is free again is told of
 *
 * Idle ones beyond `idleMax` are closed a second later, unless they are lent again before: closing them at once made
 * 1,000 clients cost 0.4 new connections for each request.
 */

import type { Slab } from "../bytes/slab.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { ClientConnection } from "../h1/client.ts";
import type { ClientOwner } from "../h1/client-owner.ts";
import type { HealthSurroundings } from "../health/group-health.ts";
import { HIGH_WATER_BYTES, POOL_BURST_IDLE_MS, TCP_KEEP_ALIVE_MS } from "../limits.ts";
import type { Attempt, Runtime, Socket, SocketError } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { PoolDefinition, ServerDefinition } from "./definition.ts";
import { IdleConnections } from "./idle-connections.ts";
import type { DiscoverySurroundings } from "./names.ts";
import type { Resting, ServerConnections } from "./server-connections.ts";

/** Who asks for a connection. Exactly one of the two is called, maybe before `lease` returns. */
export interface Borrower {
  readonly connectMs: number;
  onLease(connection: ClientConnection): void;
  onLeaseFailed(reason: Fault): void;
}

/** What all connections share, and the checks of those they lead to. */
export interface Surroundings extends HealthSurroundings {
  readonly runtime: Runtime;
  readonly timers: Timers;
  readonly slab: Slab;
  /** For servers that have to be found; the proxy has it. */
  readonly discovery?: DiscoverySurroundings;
  /** Those of all servers, where they are counted. */
  readonly serverConnections?: ServerConnections;
}

/** Told whenever a request that waits might get a place here. An object: a function for each server would be in no cache. */
export interface PlaceHome {
  onPlaceFree(): void;
}

const NOBODY_WAITS: PlaceHome = { onPlaceFree() {} };
/** More than a process can have. Unlike infinity it is no object of its own, met in no cache. */
const UNBOUNDED = 2 ** 30 - 1;

export class Connections extends IdleConnections<ClientConnection> implements ClientOwner<ClientConnection>, Resting {
  // What each request asks for comes first: it lies in one line of the caches.
  /** Open or being opened. */
  #count = 0;
  #countMax: number;
  #isRetired = false;
  home: PlaceHome = NOBODY_WAITS;
  #pool: PoolDefinition;
  readonly #surroundings: Surroundings;
  #server: ServerDefinition;
  readonly #connecting = new Set<Connecting>();
  /** Those of `#connecting` nobody waits for any more, and that may yet come about: the next to ask has them. */
  readonly #orphans: Connecting[] = [];
  /** Bodies follow responses that have none here, and may look like responses: nothing is kept behind such a one any more. */
  #sendsStrayBodies = false;

  constructor(server: ServerDefinition, pool: PoolDefinition, surroundings: Surroundings) {
    super();
    this.#server = server;
    this.#countMax = Math.min(server.connectionsMax, UNBOUNDED);
    this.#pool = pool;
    this.#surroundings = surroundings;
  }

  /** Other bounds from now on; the address stays the same. What is lent beyond them closes as it comes back. */
  reconfigure(server: ServerDefinition, pool: PoolDefinition): void {
    this.#server = server;
    this.#countMax = Math.min(server.connectionsMax, UNBOUNDED);
    this.#pool = pool;
    const surplus = Math.max(0, this.#count - this.#countMax);
    for (const connection of this.idle().slice(0, surplus)) connection.close();
    if (this.#count < this.#countMax) this.home.onPlaceFree();
  }

  get timers(): Timers {
    return this.#surroundings.timers;
  }
  get slab(): Slab {
    return this.#surroundings.slab;
  }
  get poolIdleMs(): number {
    return this.#pool.idleMs;
  }
  get count(): number {
    return this.#count;
  }

  /** Whether a lease gets a connection now. */
  hasPlaceFor(fresh: boolean): boolean {
    return (!fresh && this.#hasIdle()) || this.#orphans.length > 0 || this.#count < this.#countMax;
  }

  /** Whether a lease needs a connection that isn't there yet. */
  get needsNew(): boolean {
    return !this.#hasIdle() && this.#orphans.length === 0;
  }

  /** The idle connection that was used longest ago goes. False when there is none. */
  makeRoom(): boolean {
    let idle = this.bottom;
    while (idle?.isClosed) {
      this.takeOut(idle);
      idle = this.bottom;
    }
    if (idle === null) return false;
    this.takeOut(idle);
    idle.close();
    return true;
  }

  /**
   * Only when there is a place. `fresh` asks for a new connection, for a second try after an idle one turned out to be
   * closed.
   */
  lease(borrower: Borrower, fresh: boolean): void {
    if (!fresh && this.#hasIdle()) borrower.onLease(this.#takeTop());
    else if (this.#orphans.length > 0) this.#orphans.pop()!.adopt(borrower);
    else if (this.#count < this.#countMax) this.#connect(borrower);
    else throw new Error("a connection was leased where there was no place");
  }

  /** One that was closed in this very turn is told of only later. */
  #hasIdle(): boolean {
    while (this.top?.isClosed) this.#takeTop();
    return this.top !== null;
  }

  #takeTop(): ClientConnection {
    const top = this.top!;
    this.takeOut(top);
    return top;
  }

  /** The borrower no longer wants what it asked for. A connection under way is left to the next, or to the pool. */
  cancel(borrower: Borrower): void {
    for (const connecting of this.#connecting) {
      if (connecting.borrower !== borrower) continue;
      connecting.borrower = null;
      if (this.#isRetired) connecting.cancel();
      else if (!connecting.isLate) {
        this.#orphans.push(connecting);
        this.home.onPlaceFree();
      }
      return;
    }
  }

  /** After a cycle. Kept only when nothing about it is in doubt. */
  giveBack(connection: ClientConnection): void {
    const isInDoubt = !connection.isReusable || (connection.endedWithHead && this.#sendsStrayBodies);
    if (isInDoubt || this.#isRetired || this.#count > this.#countMax) {
      connection.close();
      return;
    }
    this.#offer(connection);
  }

  /** No new leases are expected: idle connections close, lent ones close when they come back. */
  retire(): void {
    this.#isRetired = true;
    for (const connection of this.idle()) connection.close();
    for (const orphan of this.#orphans.splice(0)) orphan.cancel();
  }

  onStrayBody(): void {
    this.#sendsStrayBodies = true;
  }

  onConnectionClosed(connection: ClientConnection): void {
    this.#closed();
    this.takeOut(connection);
    this.home.onPlaceFree();
  }

  #closed(): void {
    this.#count--;
    this.#surroundings.serverConnections?.onClosed(this, this.#count === 0);
  }

  #offer(connection: ClientConnection): void {
    const { idleMax } = this.#pool;
    connection.rest(this.idleCount < idleMax ? Number.POSITIVE_INFINITY : POOL_BURST_IDLE_MS);
    this.push(connection);
    this.home.onPlaceFree();
    if (idleMax === 0 && this.top !== null) this.#takeTop().close();
  }

  #connect(borrower: Borrower): void {
    this.#count++;
    const { runtime, timers, serverConnections } = this.#surroundings;
    serverConnections?.onOpening(this);
    const disown = (): void => {
      const at = this.#orphans.indexOf(connecting);
      if (at !== -1) this.#orphans.splice(at, 1);
    };
    const connecting = new Connecting(borrower, timers, disown, (error, socket) => {
      this.#connecting.delete(connecting);
      disown();
      this.#connected(connecting, error, socket);
    });
    this.#connecting.add(connecting);
    const options = {
      address: this.#server.address,
      highWaterBytes: HIGH_WATER_BYTES,
      keepAliveMs: TCP_KEEP_ALIVE_MS,
      tls: null,
    };
    connecting.start(runtime, options);
  }

  #connected(connecting: Connecting, error: SocketError | null, socket: Socket | null): void {
    const { borrower } = connecting;
    if (socket === null) {
      this.#closed();
      borrower?.onLeaseFailed(connecting.isLate ? fault.CONNECT_TIMEOUT : faultOf(error!));
      this.home.onPlaceFree();
      return;
    }
    const connection = new ClientConnection(socket, this);
    if (borrower !== null) {
      borrower.onLease(connection);
    } else if (this.#isRetired) {
      connection.close();
    } else {
      this.#offer(connection);
    }
  }
}

/** One connection under way, with its deadline. */
class Connecting implements TimerOwner {
  /** Null once nobody waits for it. */
  borrower: Borrower | null;
  isLate = false;
  readonly #timers: Timers;
  readonly #timer: Timer;
  /** Told before it ends: nobody may adopt it any more. */
  readonly #onLate: () => void;
  readonly #done: (error: SocketError | null, socket: Socket | null) => void;
  #attempt: Attempt | null = null;

  constructor(
    borrower: Borrower,
    timers: Timers,
    onLate: () => void,
    done: (error: SocketError | null, socket: Socket | null) => void,
  ) {
    this.borrower = borrower;
    this.#timers = timers;
    this.#timer = new Timer(this);
    this.#onLate = onLate;
    this.#done = done;
    timers.set(this.#timer, borrower.connectMs);
  }

  start(runtime: Runtime, options: Parameters<Runtime["connect"]>[0]): void {
    this.#attempt = runtime.connect(options, (error, socket) => {
      this.#timers.remove(this.#timer);
      this.#done(error, socket);
    });
  }

  /** Somebody else waits for it now. */
  adopt(borrower: Borrower): void {
    this.borrower = borrower;
    this.#timers.set(this.#timer, borrower.connectMs);
  }

  cancel(): void {
    this.#attempt?.cancel();
  }

  onTimer(): void {
    this.isLate = true;
    this.#onLate();
    this.cancel();
  }
}

function faultOf(error: SocketError): Fault {
  switch (error.code) {
    case "ECONNREFUSED":
      return fault.CONNECT_REFUSED;
    case "ENOENT":
      return fault.NO_SOCKET;
    case "EACCES":
    case "EDENIED":
      return fault.CONNECT_DENIED;
    case "ETIMEDOUT":
      return fault.CONNECT_TIMEOUT;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return fault.UNREACHABLE;
    case "EMFILE":
    case "ENFILE":
      return fault.LOCAL_RESOURCES;
    case "EADDRNOTAVAIL":
      return fault.NO_LOCAL_PORT;
    default:
      return fault.CONNECT_FAILED;
  }
}
