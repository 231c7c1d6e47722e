/** `onAttempt` before a try: the server that was picked waits meanwhile, and goes back if the try is called off. */

import { type Fault, NO_SERVER } from "../fault.ts";
import { isCalled } from "../health/group-health.ts";
import { type Edits, NO_EDITS } from "../script/check-edits.ts";
import type { Hook } from "../script/hook.ts";
import { type AttemptFacts, ShownAttempt } from "../script/shown-attempt.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { Attempt } from "./attempt.ts";
import type { TriesOwner } from "./tries-owner.ts";

export type PlannedTry = Omit<AttemptFacts, "group" | "failure">;

export class AttemptGate {
  readonly #exchange: TriesOwner;
  readonly #group: Group;
  readonly #hook: Hook<"onAttempt">;
  #planned: PlannedTry | null = null;
  /** Of the try before. */
  #failure = "";
  /** Of its server when that was picked: by now another request may be on trial there. */
  #trial = 0;
  /** What the hook wants of the next try. */
  #edits: Edits = NO_EDITS;
  /** Who has chosen its server, for traces; `""`: not the hook. */
  #chosenBy = "";

  constructor(exchange: TriesOwner, group: Group, hook: Hook<"onAttempt">) {
    this.#exchange = exchange;
    this.#group = group;
    this.#hook = hook;
  }

  get isAsking(): boolean {
    return this.#planned !== null;
  }

  /**
   * `next` when the hook has looked at it, maybe later; `refused` when there is to be no such try. Neither when it was
   * called off meanwhile.
   */
  ask(
    planned: PlannedTry,
    next: (chosen: Endpoint, isWished: boolean) => void,
    refused: (reason: Fault) => void,
  ): void {
    const group = this.#group;
    this.#planned = planned;
    this.#trial = planned.endpoint.health.trial;
    this.#exchange.hooked.onAttempt(
      this.#hook,
      new ShownAttempt({ ...planned, failure: this.#failure, group }),
      (change) => {
        if (this.#planned !== planned) return;
        if ("code" in change) {
          this.stop();
          refused(change);
          return;
        }
        this.#planned = null;
        const { server, edits } = change;
        this.#edits = edits;
        const wished = server === null ? null : this.#called(server, planned.endpoint);
        const isWished = wished !== null && wished !== planned.endpoint;
        this.#chosenBy = isWished ? `hook ${this.#hook.definition.name}` : "";
        if (isWished) {
          group.putBack(planned.endpoint, this.#trial);
          group.onPlaceTaken(wished);
        }
        const chosen = isWished ? wished : this.#stillIn(planned.endpoint);
        if (chosen === null) refused(NO_SERVER);
        else next(chosen, isWished);
      },
    );
  }

  /** Null: whoever is called so may not be asked. `picked` stands for any of a name. */
  #called(server: string, picked: Endpoint): Endpoint | null {
    if (isCalled(picked, server)) return picked;
    const group = this.#group;
    return group.endpoints.find((endpoint) => isCalled(endpoint, server) && group.mayPick(endpoint)) ?? null;
  }

  /** Picked before the hook thought about it: if it may not be asked any more, another one. */
  #stillIn(endpoint: Endpoint): Endpoint | null {
    const group = this.#group;
    const { state, trial } = endpoint.health;
    // Picked to show that it is well, so that nobody else may have it.
    const isOnTrial = state === "probing" && trial === this.#trial;
    if (!endpoint.isRetired && (isOnTrial || group.mayPick(endpoint))) return endpoint;
    group.putBack(endpoint, this.#trial);
    return group.pick(this.#exchange);
  }

  /** `attempt` is what the hook has looked at last. */
  mark(attempt: Attempt): void {
    attempt.edits = this.#edits;
    attempt.chosenBy = this.#chosenBy;
  }

  /** The next try is `attempt` once more, whatever the hook has looked at since. */
  repeat({ edits, chosenBy }: Attempt): void {
    this.#edits = edits;
    this.#chosenBy = chosenBy;
  }

  /** A try is over; the next one is shown `why`. */
  failed(why: string): void {
    this.#failure = why;
    this.stop();
  }

  /** Whoever still thinks about the try thinks in vain. */
  stop(): void {
    const planned = this.#planned;
    this.#planned = null;
    if (planned !== null) this.#group.putBack(planned.endpoint, this.#trial);
  }
}
