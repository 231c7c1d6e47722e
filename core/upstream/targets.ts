/**
 * Servers in no list, that hooks choose by address: a group of one host and port each, made when it is first asked for
 * and let go when nobody has asked for a while. Which addresses may be connected to is checked here, after names were
 * resolved, and connections go to the very addresses that were checked.
 *
 *     address ──► allowed? ──► group
 *     name ──► DNS, again when its TTL ends ──► allowed addresses only ──► group
 */

import { type Fault, NO_SERVER, TARGET_NOT_ALLOWED } from "../fault.ts";
import { type AddressSet, canonicalAddress, compileAddresses } from "../http/address-block.ts";
import { TARGET_FAILED_IDLE_MS, TARGET_IDLE_MS, TARGET_NAME_MS, TARGETS_MAX } from "../limits.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import type { Surroundings } from "./connections.ts";
import type { PoolDefinition, UpstreamDefinition } from "./definition.ts";
import { Group } from "./group.ts";
import type { DiscoverySurroundings } from "./names.ts";

/** Told once. */
export type TargetFound = (found: Group | Fault) => void;

/** Whoever connects to these reaches this machine, whatever the block says (RFC 1122 section 3.2.1.3, RFC 4291 2.5.2). */
const UNSPECIFIED: readonly string[] = ["0.0.0.0", "::"];

export class Targets implements TimerOwner {
  readonly allowed: readonly string[];
  readonly pool: PoolDefinition;
  readonly #set: AddressSet;
  readonly #surroundings: Surroundings;
  /** Asked for least recently first. */
  readonly #targets = new Map<string, Target>();
  readonly #timer = new Timer(this);

  constructor(allowed: readonly string[], pool: PoolDefinition, surroundings: Surroundings) {
    this.allowed = allowed;
    this.pool = pool;
    this.#set = compileAddresses(allowed);
    this.#surroundings = surroundings;
  }

  /** How many there are now. */
  get count(): number {
    return this.#targets.size;
  }

  /** `host` is an address without brackets, or a name in lower case. `done` may be called in here. */
  find(host: string, port: number, done: TargetFound): void {
    const address = canonicalAddress(host);
    if (address === null ? !isName(host) : !this.#allows(address)) {
      done(TARGET_NOT_ALLOWED);
      return;
    }
    const where = address ?? (host.endsWith(".") ? host.slice(0, -1) : host);
    const key = `${where.includes(":") ? `[${where}]` : where}:${port}`;
    const target = this.#targets.get(key) ?? this.#make(key, { host: where, port, isName: address === null });
    this.#targets.delete(key);
    this.#targets.set(key, target);
    target.usedMs = this.#surroundings.timers.nowMs;
    target.whenKnown(done);
  }

  /** Others have taken over. What is under way ends by itself: who waits for a name is still told what it leads to. */
  leave(): void {
    for (const target of this.#targets.values()) target.leave();
    this.#end();
  }

  /** Nobody asks any more, or waits. */
  retire(): void {
    for (const target of this.#targets.values()) target.retire();
    this.#end();
  }

  #end(): void {
    this.#targets.clear();
    this.#surroundings.timers.remove(this.#timer);
  }

  onTimer(): void {
    const { timers } = this.#surroundings;
    for (const [key, target] of this.#targets) {
      if (target.usedMs + TARGET_IDLE_MS > timers.nowMs) break;
      this.#drop(key, target);
    }
    if (this.#targets.size > 0) timers.set(this.#timer, TARGET_IDLE_MS / 4);
  }

  #make(key: string, place: Place): Target {
    if (this.#targets.size >= TARGETS_MAX)
      for (const [oldest, target] of this.#targets) {
        this.#drop(oldest, target);
        break;
      }
    if (this.#targets.size === 0) this.#surroundings.timers.set(this.#timer, TARGET_IDLE_MS / 4);
    const target: Target = new Target(key, place, this.pool, {
      surroundings: this.#surroundings,
      allows: (address) => this.#allows(address),
      onUnwanted: () => this.#drop(key, target),
    });
    return target;
  }

  #drop(key: string, target: Target): void {
    this.#targets.delete(key);
    target.retire();
  }

  #allows(text: string): boolean {
    const address = canonicalAddress(text);
    return address !== null && !UNSPECIFIED.includes(address) && this.#set.has(address) === true;
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly isName: boolean;
}

interface TargetSurroundings {
  readonly surroundings: Surroundings;
  allows(address: string): boolean;
  /** It has no address, and nobody has asked for a while. */
  onUnwanted(): void;
}

class Target implements TimerOwner {
  usedMs: number;
  readonly #group: Group;
  readonly #surroundings: Surroundings;
  readonly #timer = new Timer(this);
  readonly #waiting: TargetFound[] = [];
  readonly #onUnwanted: () => void;
  /** An address was found that is not allowed. */
  #hasForbidden = false;
  #isKnown = false;
  #isLeaving = false;
  #isRetired = false;

  constructor(
    key: string,
    { host, port, isName }: Place,
    pool: PoolDefinition,
    { surroundings, allows, onUnwanted }: TargetSurroundings,
  ) {
    const server = {
      label: key,
      address: { kind: "tcp", host, port },
      weight: 1,
      connectionsMax: Number.POSITIVE_INFINITY,
    } as const;
    const definition: UpstreamDefinition = {
      name: `http://${key}`,
      servers: isName ? [] : [server],
      ...(isName && { sources: [{ kind: "name", server }] }),
      balance: "two-choices",
      timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
      pool,
    };
    const accepts = (address: string): boolean => {
      const isAllowed = allows(address);
      this.#hasForbidden ||= !isAllowed;
      return isAllowed;
    };
    this.#surroundings = surroundings;
    this.usedMs = surroundings.timers.nowMs;
    this.#onUnwanted = onUnwanted;
    const { discovery } = surroundings;
    const checked = discovery === undefined ? surroundings : withDiscovery(surroundings, { ...discovery, accepts });
    this.#group = new Group(definition, checked);
    if (isName) surroundings.timers.set(this.#timer, TARGET_NAME_MS);
    this.#group.whenDiscovered(() => {
      this.#tell();
      this.#letGoWhenUnwanted();
    });
  }

  whenKnown(done: TargetFound): void {
    if (this.#isKnown) done(this.#found);
    else this.#waiting.push(done);
  }

  /** DNS takes too long for whoever waits, and may come yet; or it had no address, a while ago. */
  onTimer(): void {
    if (this.#isKnown) this.#letGoWhenUnwanted();
    else this.#tell();
  }

  /** As soon as nobody waits. */
  leave(): void {
    if (this.#waiting.length === 0) this.retire();
    else this.#isLeaving = true;
  }

  retire(): void {
    this.#isLeaving = false;
    this.#isRetired = true;
    this.#surroundings.timers.remove(this.#timer);
    this.#group.retire();
  }

  get #found(): Group | Fault {
    if (this.#group.endpoints.length > 0) return this.#group;
    return this.#hasForbidden ? TARGET_NOT_ALLOWED : NO_SERVER;
  }

  #tell(): void {
    this.#isKnown = true;
    this.#surroundings.timers.remove(this.#timer);
    const found = this.#found;
    for (const done of this.#waiting.splice(0)) done(found);
    if (this.#isLeaving) this.retire();
  }

  /** A name without an address is asked for again and again. */
  #letGoWhenUnwanted(): void {
    if (this.#isRetired || this.#found !== NO_SERVER) return;
    const { timers } = this.#surroundings;
    const leftMs = this.usedMs + TARGET_FAILED_IDLE_MS - timers.nowMs;
    if (leftMs > 0) timers.set(this.#timer, leftMs);
    else this.#onUnwanted();
  }
}

function withDiscovery(
  { runtime, timers, slab, checks, observer, serverConnections }: Surroundings,
  discovery: DiscoverySurroundings,
): Surroundings {
  return {
    runtime,
    timers,
    slab,
    discovery,
    ...(checks && { checks }),
    ...(observer && { observer }),
    ...(serverConnections && { serverConnections }),
  };
}

/**
 * Whether this is a name that resolvers ask DNS for. What ends in a number is a spelling of an address (`127.1`,
 * `0x7f.1`, `2130706433`): those that mean one are written in full.
 */
function isName(host: string): boolean {
  const labels = (host.endsWith(".") ? host.slice(0, -1) : host).split(".");
  return !host.includes(":") && !/^([0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1)!) && labels.every((label) => label !== "");
}
