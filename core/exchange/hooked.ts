/**
 * The hooks of one exchange. Made for the first one that runs; a hook may answer later, and the exchange goes on in what
 * it gave as `next`.
 */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { type CheckedDecision, checkDecision, checkVerdict, type Verdict } from "../script/check-answer.ts";
import type { Hook, HookCall } from "../script/hook.ts";
import type { Fallback, HookContext, HookFunctions, HookKind } from "../script/hooks.ts";
import { LiveRequest, type ShownRequest } from "../script/live-request.ts";
import type { Answerer } from "./answering.ts";
import { RequestChanges } from "./request-changes.ts";

/** The exchange, as far as its hooks need it. */
export interface HookedOwner extends ShownRequest {
  changes: RequestChanges | null;
  /** A hook has answered in place of a server. */
  onHookAnswer(response: unknown, answerer: Answerer): void;
  onHookDenial(status: number, body: string): void;
  onFailed(reason: Fault): void;
}

type Change = Extract<Verdict, { kind: "change" }>;

export class Hooked {
  readonly request: LiveRequest;
  readonly #owner: HookedOwner;
  #call: HookCall<unknown> | null = null;

  constructor(owner: HookedOwner) {
    this.#owner = owner;
    this.request = new LiveRequest(owner);
  }

  /** `next` when the request may go on. */
  onRequest(hook: Hook<"onRequest">, next: () => void): void {
    const owner = this.#owner;
    this.#run(
      hook,
      (run, context) => run(this.request, context),
      checkVerdict,
      (verdict) => {
        switch (verdict?.kind) {
          case undefined:
            if (hook.fallback === "ignore") next();
            else owner.onFailed(failureOf(hook));
            return;
          case "answer":
            owner.onHookAnswer(verdict.response, hook.definition);
            return;
          case "deny":
            owner.onHookDenial(verdict.status, verdict.body);
            return;
          case "change":
            this.#change(verdict);
            next();
            return;
          case "go":
            next();
        }
      },
    );
  }

  /** `next` with what was decided, or what is to be done instead; not when the hook has answered itself. */
  decide(hook: Hook<"decide">, next: (decision: Exclude<CheckedDecision, { kind: "answer" }>) => void): void {
    const owner = this.#owner;
    this.#run(
      hook,
      (run, context) => run(this.request, context),
      checkDecision,
      (decision) => {
        if (decision === null) {
          const { fallback } = hook;
          if (fallback === "ignore") next({ kind: "own" });
          else if ("upstream" in fallback)
            next(checkDecision(fallback.upstream) as Exclude<CheckedDecision, { kind: "answer" }>);
          else owner.onFailed(failureOf(hook));
          return;
        }
        if (decision.kind === "answer") {
          owner.onHookAnswer(decision.response, hook.definition);
          return;
        }
        next(decision);
      },
    );
  }

  /** The request is over: whoever still thinks about it thinks in vain. */
  end(): void {
    this.#call?.abandon();
    this.#call = null;
    this.request.end();
  }

  #change({ path, query, host, edits }: Change): void {
    this.#owner.changes ??= new RequestChanges();
    const { changes } = this.#owner;
    if (path !== null) changes.path = path;
    if (query !== null) changes.query = query;
    if (host !== null) changes.host = host;
    changes.edit(edits);
  }

  #run<K extends HookKind, A>(
    hook: Hook<K>,
    invoke: (run: HookFunctions[K], context: HookContext) => unknown,
    check: (answer: unknown) => A,
    done: (answer: A | null) => void,
  ): void {
    const call = hook.run(this.request.id, invoke, check, (answer) => {
      this.#call = null;
      done(answer);
    });
    // One that has answered already may have let the next one begin.
    if (call !== null) this.#call = call as HookCall<unknown>;
  }
}

/** What a request is answered whose hook failed. One that could be ignored cannot any more. */
export function failureOf({ fallback }: { readonly fallback: Fallback }): Fault {
  const { HOOK_FAILED } = fault;
  if (fallback === "ignore") return { ...HOOK_FAILED, status: 502 };
  return "status" in fallback ? { ...HOOK_FAILED, status: fallback.status } : HOOK_FAILED;
}
