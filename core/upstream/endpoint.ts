/** One server of an upstream: its address, its connections, and what balancers count about it. */

import type { Candidate } from "../balance/balancer.ts";
import type { Address } from "../runtime.ts";
import { Connections, type Surroundings } from "./connections.ts";
import type { PoolDefinition, ServerDefinition } from "./definition.ts";

export class Endpoint implements Candidate {
  /** What it is known by across reloads and changes of the list. */
  readonly key: string;
  readonly connections: Connections;
  label: string;
  weight: number;
  inFlight = 0;
  turn = 0;
  /** No longer in any list: requests under way finish, no new ones come. */
  isRetired = false;

  constructor(definition: ServerDefinition, pool: PoolDefinition, surroundings: Surroundings) {
    this.key = Endpoint.keyOf(definition);
    this.label = definition.label;
    this.weight = definition.weight;
    this.connections = new Connections(definition, pool, surroundings);
  }

  static keyOf({ address }: ServerDefinition): string {
    return keyOfAddress(address);
  }

  reconfigure(definition: ServerDefinition, pool: PoolDefinition): void {
    this.label = definition.label;
    this.weight = definition.weight;
    this.connections.reconfigure(definition, pool);
  }

  retire(): void {
    this.isRetired = true;
    this.connections.retire();
  }
}

function keyOfAddress(address: Address): string {
  return address.kind === "unix" ? `unix:${address.path}` : `${address.host} ${address.port}`;
}
