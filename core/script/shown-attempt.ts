/** A try as `onAttempt` sees it, before it is made. */

import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { HookAttempt, HookCandidate } from "./hooks.ts";

/** A try that is about to be made. */
export interface AttemptFacts {
  /** From 1. */
  readonly number: number;
  readonly group: Group;
  /** The server that was picked. */
  readonly endpoint: Endpoint;
  /** Those the request was sent to before. */
  readonly tried: readonly Endpoint[];
  /** Why the one before failed; `""` for the first. */
  readonly failure: string;
}

export class ShownAttempt implements HookAttempt {
  readonly #facts: AttemptFacts;

  constructor(facts: AttemptFacts) {
    this.#facts = facts;
  }

  get number(): number {
    return this.#facts.number;
  }
  get upstream(): string {
    return this.#facts.group.definition.name;
  }
  get server(): string {
    return this.#facts.endpoint.label;
  }
  get failure(): string {
    return this.#facts.failure;
  }
  get candidates(): readonly HookCandidate[] {
    const { group, tried } = this.#facts;
    return group.endpoints.map((endpoint) => ({
      server: endpoint.label,
      state: endpoint.health.state,
      isEligible: group.mayPick(endpoint),
      isTried: tried.includes(endpoint),
      weight: endpoint.weight,
      inFlight: endpoint.inFlight,
      latencyMs: endpoint.latencyMs,
    }));
  }
}
