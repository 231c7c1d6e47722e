/** One server of an upstream: its address, its connections, and what balancers count about it. */

import type { Candidate } from "../balance/balancer.ts";
import type { AgentReply } from "../health/agent-reply.ts";
import type { Member } from "../health/group-health.ts";
import { ServerHealth } from "../health/server-health.ts";
import type { Address } from "../runtime.ts";
import { Connections, type Surroundings } from "./connections.ts";
import type { PoolDefinition, ServerDefinition } from "./definition.ts";

export class Endpoint implements Candidate, Member {
  /** What it is known by across reloads and changes of the list. */
  readonly key: string;
  readonly connections: Connections;
  readonly health = new ServerHealth();
  label: string;
  /** As configured, or as its agent says: then maybe with a fraction. */
  weight: number;
  inFlight = 0;
  turn = 0;
  /** No longer in any list: requests under way finish, no new ones come. */
  isRetired = false;
  #definition: ServerDefinition;
  #pool: PoolDefinition;
  #said: AgentReply | null = null;

  constructor(definition: ServerDefinition, pool: PoolDefinition, surroundings: Surroundings) {
    this.key = Endpoint.keyOf(definition);
    this.label = definition.label;
    this.weight = definition.weight;
    this.#definition = definition;
    this.#pool = pool;
    this.connections = new Connections(definition, pool, surroundings);
    this.health.setOperatorState(definition.state ?? "ready", "the configuration says so");
  }

  get address(): Address {
    return this.#definition.address;
  }

  get tier(): number {
    return 0;
  }

  static keyOf({ address }: ServerDefinition): string {
    return keyOfAddress(address);
  }

  reconfigure(definition: ServerDefinition, pool: PoolDefinition): void {
    const before = this.#definition.state ?? "ready";
    const { label, state = "ready" } = definition;
    this.label = label;
    this.#definition = definition;
    this.#pool = pool;
    this.#apply();
    // What an operator has said since stays, unless the configuration says something new.
    if (state !== before) this.health.setOperatorState(state, "the configuration says so");
  }

  adjust(said: AgentReply | null): boolean {
    const weightBefore = this.weight;
    this.#said = said === null || this.#said === null ? said : mergeReplies(this.#said, said);
    this.#apply();
    return this.weight !== weightBefore;
  }

  #apply(): void {
    const { weight, connectionsMax } = this.#definition;
    const said = this.#said;
    // Without weight it is drained: no balancer meets a weight of 0.
    const effective = said?.weight ?? weight * (said?.weightShare ?? 1);
    this.weight = effective > 0 ? effective : weight;
    const max = Math.min(connectionsMax, said?.connectionsMax ?? connectionsMax);
    this.connections.reconfigure({ ...this.#definition, connectionsMax: max }, this.#pool);
  }

  retire(): void {
    this.isRetired = true;
    this.connections.retire();
  }
}

/** What is not said again stays. */
function mergeReplies(before: AgentReply, said: AgentReply): AgentReply {
  const saysWeight = said.weight !== null || said.weightShare !== null;
  const { weight, weightShare } = saysWeight ? said : before;
  return { ...said, weight, weightShare, connectionsMax: said.connectionsMax ?? before.connectionsMax };
}

function keyOfAddress(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : `${address.host} ${address.port}`;
}
