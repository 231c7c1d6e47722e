/** One server of an upstream: its address, its connections, and what balancers count about it. */

import type { Candidate } from "../balance/balancer.ts";
import { Connections, type Surroundings } from "./connections.ts";
import type { PoolDefinition, ServerDefinition } from "./definition.ts";

export class Endpoint implements Candidate {
  readonly label: string;
  readonly weight: number;
  readonly connections: Connections;
  inFlight = 0;
  turn = 0;

  constructor(definition: ServerDefinition, pool: PoolDefinition, surroundings: Surroundings) {
    this.label = definition.label;
    this.weight = definition.weight;
    this.connections = new Connections(definition, pool, surroundings);
  }
}
