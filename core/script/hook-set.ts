/** The hooks that requests of one route pass through, and all hooks of a deployment by name. */

import { Hook, type HookSurroundings } from "./hook.ts";
import type { HookDefinition, HookDefinitions, HookFunctions, HookKind } from "./hooks.ts";

export interface HookSet {
  /** Before a route is found, of the whole configuration; after, the route's. */
  readonly onRequest: Hook<"onRequest"> | null;
  /** The route's, else that of the whole configuration. */
  readonly decide: Hook<"decide"> | null;
  readonly onAttempt: Hook<"onAttempt"> | null;
  // The rest in the order they run: requests from the outside in, responses from the inside out.
  readonly transformRequestBody: readonly Hook<"transformRequestBody">[];
  readonly onResponse: readonly Hook<"onResponse">[];
  readonly transformResponseBody: readonly Hook<"transformResponseBody">[];
  readonly onFinish: readonly Hook<"onFinish">[];
}

/** Those of a configuration; one that did not change since the last is the very same, with its counts. */
export class HookRegistry {
  readonly #surroundings: HookSurroundings;
  readonly #hooks = new Map<string, Hook>();
  #previous: HookRegistry | null;

  constructor(surroundings: HookSurroundings, previous: HookRegistry | null) {
    this.#surroundings = surroundings;
    this.#previous = previous;
  }

  /** In the order of the configuration. */
  get hooks(): readonly Hook[] {
    return [...this.#hooks.values()];
  }

  /** Answers whether `onFinish` is still told of requests by one of these that `next` has not. */
  telling(next: HookRegistry): () => boolean {
    const left = this.hooks.filter((hook) => !hook.isAwaited && next.find(hook.definition) !== hook);
    return () => left.some(({ pending, hung }) => pending > hung);
  }

  /** All are known: what was before is let go. */
  seal(): void {
    this.#previous = null;
  }

  /** For those who have their hooks already. */
  none(): HookRegistry {
    return new HookRegistry(this.#surroundings, null);
  }

  /** Of requests that have no route yet; null: none. */
  setOfAll(all: HookDefinitions | null): HookSet | null {
    return all === null ? null : this.#setOf(all, null);
  }

  /** `decide` is the route's target. */
  setOfRoute(
    all: HookDefinitions | null,
    route: HookDefinitions | null,
    decide: HookDefinition<HookFunctions["decide"]> | null,
  ): HookSet | null {
    if (all === null && route === null && decide === null) return null;
    const own = decide === null ? route : { ...route, decide };
    return { ...this.#setOf(all ?? {}, own ?? {}), onRequest: this.#maybe(own?.onRequest) };
  }

  #setOf(all: HookDefinitions, route: HookDefinitions | null): HookSet {
    const both = <K extends HookKind>(first: HookDefinitions | null, second: HookDefinitions | null, kind: K) =>
      [this.#maybe<K>(first?.[kind]), this.#maybe<K>(second?.[kind])].filter((hook) => hook !== null);
    return {
      onRequest: this.#maybe(all.onRequest),
      decide: this.#maybe(route?.decide ?? all.decide),
      onAttempt: this.#maybe(route?.onAttempt ?? all.onAttempt),
      transformRequestBody: both(all, route, "transformRequestBody"),
      onResponse: both(route, all, "onResponse"),
      transformResponseBody: both(route, all, "transformResponseBody"),
      onFinish: both(route, all, "onFinish"),
    };
  }

  #maybe<K extends HookKind>(definition: HookDefinition<HookFunctions[K]> | undefined): Hook<K> | null {
    if (definition === undefined) return null;
    const known = this.#hooks.get(definition.name) ?? this.#previous?.find(definition) ?? null;
    const hook = known ?? (new Hook(definition, this.#surroundings) as unknown as Hook);
    this.#hooks.set(definition.name, hook);
    return hook as unknown as Hook<K>;
  }

  /** One that says the same. */
  find({ name, run, timeoutMs, fallback }: HookDefinition<unknown>): Hook | null {
    const hook = this.#hooks.get(name);
    if (hook === undefined) return null;
    const { definition } = hook;
    const isSame =
      definition.run === run &&
      definition.timeoutMs === timeoutMs &&
      JSON.stringify(definition.fallback) === JSON.stringify(fallback);
    return isSame ? hook : null;
  }
}
