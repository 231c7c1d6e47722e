/**
 * What an operator has said of servers while the proxy runs. It is kept by address, beside the servers: one that is
 * missing from an answer of DNS, or from a list, is another object when it comes back, and the same machine.
 */

import type { AdminState } from "../health/definition.ts";
import type { ServerHealth } from "../health/server-health.ts";
import { FOUND_SERVERS_MAX } from "../limits.ts";
import type { ServerDefinition } from "./definition.ts";
import { Endpoint } from "./endpoint.ts";

interface Word {
  readonly state: AdminState;
  /** What the configuration said then: when that changes, it has the last word. */
  readonly configured: AdminState;
}

export class OperatorWords {
  /** The oldest first. */
  readonly #words: Map<string, Word>;

  constructor(previous: OperatorWords | null) {
    this.#words = new Map(previous === null ? [] : previous.#words);
  }

  keep(server: ServerDefinition, state: AdminState): void {
    const key = Endpoint.keyOf(server);
    const configured = configuredOf(server);
    this.#words.delete(key);
    if (state !== configured) this.#words.set(key, { state, configured });
    if (this.#words.size > FOUND_SERVERS_MAX) this.#words.delete(this.#words.keys().next().value!);
  }

  /** What still holds of a server in the list; null: nothing was said. */
  find(server: ServerDefinition): AdminState | null {
    const key = Endpoint.keyOf(server);
    const word = this.#words.get(key);
    if (word === undefined) return null;
    if (word.configured === configuredOf(server)) return word.state;
    this.#words.delete(key);
    return null;
  }

  /** To one that is in the list again. */
  repeat(server: ServerDefinition, health: Pick<ServerHealth, "setOperatorState">): void {
    const state = this.find(server);
    if (state !== null) health.setOperatorState(state, "an operator says so");
  }
}

function configuredOf({ state = "ready" }: ServerDefinition): AdminState {
  return state;
}
