/** One server of an upstream: its address, its connections, and what balancers count about it. */

import type { Candidate } from "../balance/balancer.ts";
import type { AgentReply } from "../health/agent-reply.ts";
import type { Member } from "../health/group-health.ts";
import { ServerHealth } from "../health/server-health.ts";
import type { Address } from "../runtime.ts";
import { Connections, type PlaceHome, type Surroundings } from "./connections.ts";
import type { PoolDefinition, ServerDefinition } from "./definition.ts";

/** Whose requests wait for places at servers. */
export interface PlaceSeekers {
  onPlaceFree(endpoint: Endpoint): void;
}

export class Endpoint implements Candidate, Member, PlaceHome {
  // What each request asks for comes first: it lies in two lines of the caches.
  inFlight = 0;
  weight: number;
  fullWeight: number;
  readonly health = new ServerHealth();
  readonly connections: Connections;
  label: string;
  /** Null: nobody waits. */
  seekers: PlaceSeekers | null = null;
  /** What it is known by across reloads and changes of the list, and where it stands in hash tables. */
  readonly key: string;
  priority: number;
  isBackup: boolean;
  connectionsMax: number;
  turn = 0;
  latencyMs = -1;
  latencyAtMs = 0;
  latencyKept = 1;
  /** When its slow start began, on the clock of the timers. */
  readySinceMs = Number.NEGATIVE_INFINITY;
  /** What its agent, or else the configuration, wants it to have, and how much of that counts while it starts slowly. */
  #wantedWeight: number;
  #warmth = 1;
  /** No longer in any list: requests under way finish, no new ones come. */
  isRetired = false;
  #definition: ServerDefinition;
  #pool: PoolDefinition;
  #said: AgentReply | null = null;

  constructor(definition: ServerDefinition, pool: PoolDefinition, surroundings: Surroundings) {
    this.key = Endpoint.keyOf(definition);
    this.label = definition.label;
    this.fullWeight = definition.weight;
    this.weight = definition.weight;
    this.#wantedWeight = definition.weight;
    this.priority = definition.priority ?? 0;
    this.isBackup = definition.isBackup ?? false;
    this.connectionsMax = definition.connectionsMax;
    this.#definition = definition;
    this.#pool = pool;
    this.connections = new Connections(definition, pool, surroundings);
    this.connections.home = this;
    this.health.setOperatorState(definition.state ?? "ready", "the configuration says so");
  }

  onPlaceFree(): void {
    this.seekers?.onPlaceFree(this);
  }

  get address(): Address {
    return this.#definition.address;
  }

  get tier(): number {
    return this.isBackup ? Number.POSITIVE_INFINITY : this.priority;
  }

  /** As nginx hashes it, so that `hash … consistent` and our ring send a request to the same server. */
  static keyOf({ address }: ServerDefinition): string {
    if (address.kind === "unix") return `${address.path}\0`;
    return `${address.host.includes(":") ? `[${address.host}]` : address.host}\0${address.port}`;
  }

  reconfigure(definition: ServerDefinition, pool: PoolDefinition): void {
    const before = this.#definition.state ?? "ready";
    const { label, state = "ready" } = definition;
    this.label = label;
    this.priority = definition.priority ?? 0;
    this.isBackup = definition.isBackup ?? false;
    this.#definition = definition;
    this.#pool = pool;
    this.#apply();
    // What an operator has said since stays, unless the configuration says something new.
    if (state !== before) this.health.setOperatorState(state, "the configuration says so");
  }

  adjust(said: AgentReply | null): boolean {
    const { weight, connectionsMax } = this;
    this.#said = said === null || this.#said === null ? said : mergeReplies(this.#said, said);
    this.#apply();
    return this.weight !== weight || this.connectionsMax !== connectionsMax;
  }

  #apply(): void {
    const { weight, connectionsMax } = this.#definition;
    const said = this.#said;
    // Without weight it is drained: no balancer meets a weight of 0.
    const effective = said?.weight ?? weight * (said?.weightShare ?? 1);
    this.fullWeight = Math.max(weight, effective);
    this.#wantedWeight = effective > 0 ? effective : weight;
    this.#reweigh();
    this.connectionsMax = Math.min(connectionsMax, said?.connectionsMax ?? connectionsMax);
    this.connections.reconfigure({ ...this.#definition, connectionsMax: this.connectionsMax }, this.#pool);
  }

  /** Further requests would have to wait: another server is preferred. */
  get isFull(): boolean {
    return this.inFlight >= this.connectionsMax;
  }

  get warmth(): number {
    return this.#warmth;
  }

  setWarmth(warmth: number): void {
    this.#warmth = warmth;
    this.#reweigh();
  }

  retire(): void {
    this.isRetired = true;
    this.connections.retire();
  }

  #reweigh(): void {
    this.weight = this.#wantedWeight * this.#warmth;
  }
}

/** What is not said again stays. */
function mergeReplies(before: AgentReply, said: AgentReply): AgentReply {
  const saysWeight = said.weight !== null || said.weightShare !== null;
  const { weight, weightShare } = saysWeight ? said : before;
  return { ...said, weight, weightShare, connectionsMax: said.connectionsMax ?? before.connectionsMax };
}
