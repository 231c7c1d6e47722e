/**
 * A named group of servers and how one of them is picked: what the configuration calls an upstream.
 *
 *     all endpoints ──(up, not retired)──► eligible, kept until something changes ──(not tried yet)──► balancer ──► one
 */

import type { Balancer } from "../balance/balancer.ts";
import { BALANCERS } from "../balance/registry.ts";
import type { Surroundings } from "./connections.ts";
import type { ServerDefinition, UpstreamDefinition } from "./definition.ts";
import { Endpoint } from "./endpoint.ts";
import type { Outcome } from "./outcome.ts";

/** What a pick goes by, beside the state of the servers. */
export interface PickRequest {
  /** Servers this request was sent to already: another one is preferred. */
  readonly tried: readonly Endpoint[];
}

export class Group {
  readonly definition: UpstreamDefinition;
  readonly #surroundings: Surroundings;
  readonly #balancer: Balancer;
  #endpoints: readonly Endpoint[] = [];
  /** Who may be picked now. The same list until something changes, so that balancers can keep tables for it. */
  #eligible: readonly Endpoint[] = [];
  #isEligibleKnown = false;

  /** `previous` is the group of the same name that this one takes over from at a reload: what stays keeps its state. */
  constructor(definition: UpstreamDefinition, surroundings: Surroundings, previous: Group | null = null) {
    const createBalancer = BALANCERS[definition.balance];
    if (createBalancer === undefined) throw new Error(`upstream ${definition.name}: unknown balancer`);
    this.definition = definition;
    this.#surroundings = surroundings;
    this.#balancer = createBalancer();
    if (previous !== null) this.#endpoints = previous.endpoints;
    this.setServers(definition.servers);
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** The servers from now on. Those that stay keep connections, health and counts; those that go are retired. */
  setServers(servers: readonly ServerDefinition[]): void {
    const before = new Map(this.#endpoints.map((endpoint) => [endpoint.key, endpoint]));
    this.#endpoints = servers.map((server) => {
      const kept = before.get(Endpoint.keyOf(server));
      if (kept === undefined) return new Endpoint(server, this.definition.pool, this.#surroundings);
      before.delete(kept.key);
      kept.reconfigure(server, this.definition.pool);
      return kept;
    });
    for (const gone of before.values()) gone.retire();
    this.onEligibilityChanged();
  }

  /** Something about a server that decides whether it may be picked has changed. */
  onEligibilityChanged(): void {
    this.#isEligibleKnown = false;
  }

  /** The server for the next try of a request; null when there is none. */
  pick({ tried }: PickRequest): Endpoint | null {
    if (!this.#isEligibleKnown) this.#findEligible();
    const eligible = tried.length === 0 ? this.#eligible : this.#untried(tried);
    if (eligible.length <= 1) return eligible[0] ?? null;
    const chosen = this.#balancer.choose(eligible);
    if (chosen !== null) this.#balancer.commit(eligible, chosen);
    return chosen;
  }

  /** Whether anybody here wants to know how long servers take: else nobody looks at the clock for it. */
  get wantsLatency(): boolean {
    return false;
  }

  /**
   * How a try ended, exactly once for each, as far as it says something about the server. `latencyMs` is from the
   * request sent to the head of the response; -1 when there was none, or nobody wanted it.
   */
  report(_endpoint: Endpoint, _outcome: Outcome, _latencyMs: number): void {}

  retire(): void {
    for (const endpoint of this.#endpoints) endpoint.retire();
  }

  #findEligible(): void {
    this.#eligible = this.#endpoints;
    this.#isEligibleKnown = true;
  }

  /** A server that has failed this request already is better than none. */
  #untried(tried: readonly Endpoint[]): readonly Endpoint[] {
    const untried = this.#eligible.filter((endpoint) => !tried.includes(endpoint));
    return untried.length > 0 ? untried : this.#eligible;
  }
}
