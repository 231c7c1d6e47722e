/** A named group of servers and how one of them is picked: what the configuration calls an upstream. */

import type { Balancer } from "../balance/balancer.ts";
import { BALANCERS } from "../balance/registry.ts";
import type { Surroundings } from "./connections.ts";
import type { UpstreamDefinition } from "./definition.ts";
import { Endpoint } from "./endpoint.ts";

export class Group {
  readonly definition: UpstreamDefinition;
  readonly endpoints: readonly Endpoint[];
  readonly #balancer: Balancer;

  constructor(definition: UpstreamDefinition, surroundings: Surroundings) {
    const createBalancer = BALANCERS[definition.balance];
    if (createBalancer === undefined) throw new Error(`upstream ${definition.name}: unknown balancer`);
    this.definition = definition;
    this.endpoints = definition.servers.map((server) => new Endpoint(server, definition.pool, surroundings));
    this.#balancer = createBalancer();
  }

  /** The server for the next request; null when there is none. */
  pick(): Endpoint | null {
    const { endpoints } = this;
    if (endpoints.length === 1) return endpoints[0]!;
    const chosen = this.#balancer.choose(endpoints);
    if (chosen !== null) this.#balancer.commit(endpoints, chosen);
    return chosen;
  }

  retire(): void {
    for (const endpoint of this.endpoints) endpoint.connections.retire();
  }
}
