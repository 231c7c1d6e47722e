/**
 * The hooks of one exchange. Made for the first one that runs; a hook may answer later, and the exchange goes on in what
 * it gave as `next`.
 */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import type { TraceHook } from "../observe/trace.ts";
import {
  type CheckedAttempt,
  type CheckedVerdict,
  checkAttempt,
  checkDecision,
  checkResponse,
  checkVerdict,
  type Destination,
  destinationOf,
  UNCHANGED,
} from "../script/check-answer.ts";
import { NO_EDITS } from "../script/check-edits.ts";
import { copyOutcome, type EndedRequest } from "../script/finished-request.ts";
import type { Hook, HookCall, HookEnd } from "../script/hook.ts";
import type { Fallback, HookAttempt, HookContext, HookFunctions, HookKind } from "../script/hooks.ts";
import { LiveRequest, type ShownRequest } from "../script/live-request.ts";
import { ShownResponse } from "../script/shown-response.ts";
import type { Group } from "../upstream/group.ts";
import type { PickWish } from "../upstream/pick-request.ts";
import type { Answerer } from "./answering.ts";
import type { Deployment, RoutePlan } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import type { ExchangeTrace } from "./exchange-trace.ts";
import { findGroup } from "./find-group.ts";
import { applyResponseChange } from "./forward.ts";
import { knownAttempt, knownDecision } from "./known-decision.ts";
import { RequestChanges } from "./request-changes.ts";

/** The exchange, as far as its hooks need it. */
export interface HookedOwner extends ShownRequest {
  changes: RequestChanges | null;
  wish: PickWish | null;
  readonly deployment: Deployment;
  readonly plan: RoutePlan | null;
  readonly trace: ExchangeTrace | null;
  /** Something went wrong: from here on a trace is written, unless they are turned off. */
  openTrace(): ExchangeTrace | null;
  readonly engine: Engine;
  readonly upstream: string;
  readonly server: string;
  readonly attempts: number;
  /** A hook has answered in place of a server. */
  onHookAnswer(response: unknown, answerer: Answerer): void;
  onHookDenial(status: number, body: string): void;
  onFailed(reason: Fault): void;
}

type Change = Extract<CheckedVerdict, { kind: "change" }>;

export class Hooked {
  readonly request: LiveRequest;
  readonly #owner: HookedOwner;
  /** Under way; a hedge may be looked at beside the try before it. */
  #calls: HookCall<unknown>[] = [];
  #isOver = false;

  constructor(owner: HookedOwner) {
    this.#owner = owner;
    this.request = new LiveRequest(owner);
  }

  /** `next`, on the owner, when the request may go on. */
  onRequest(hook: Hook<"onRequest">, next: () => void): void {
    const owner = this.#owner;
    this.#run(
      hook,
      (run, context) => run(this.request, context),
      checkVerdict,
      (verdict, end) => {
        switch (verdict?.kind) {
          case undefined:
            if (hook.fallback === "ignore") next.call(owner);
            else owner.onFailed(failureOf(hook, end));
            return;
          case "answer":
            owner.onHookAnswer(verdict.response, hook);
            return;
          case "deny":
            owner.onHookDenial(verdict.status, verdict.body);
            return;
          case "change":
            this.#change(verdict);
            next.call(owner);
            return;
          case "go":
            next.call(owner);
        }
      },
    );
  }

  /** `next`, on the owner, with who was decided on, or is to be instead; not when the hook has answered itself. */
  decide(hook: Hook<"decide">, next: (found: Group | Fault) => void): void {
    const owner = this.#owner;
    const go = (destination: Destination) =>
      findGroup(owner, destination, (found) => {
        if (found === fault.TARGET_NOT_ALLOWED && destination.kind === "target") this.#tellRefused(hook, destination);
        next.call(owner, found);
      });
    this.#run(
      hook,
      (run, context) => run(this.request, context),
      (answer) => knownDecision(checkDecision(answer), owner.deployment.groups, owner.plan!.group),
      (decision, end) => {
        if (decision === null) {
          const { fallback } = hook;
          if (fallback === "ignore") go({ kind: "own" });
          else if ("upstream" in fallback) go(destinationOf(fallback.upstream));
          else owner.onFailed(failureOf(hook, end));
          return;
        }
        if (decision.kind === "answer") {
          owner.onHookAnswer(decision.response, hook);
          return;
        }
        if (decision.kind === "upstream") this.#wish(decision);
        go(decision);
      },
    );
  }

  /** `next` when the try may be made, as it is or as the hook wants it; with a fault when there is to be none. */
  onAttempt(hook: Hook<"onAttempt">, attempt: HookAttempt, next: (change: CheckedAttempt | Fault) => void): void {
    this.#run(
      hook,
      (run, context) => run(attempt, this.request, context),
      (answer) => knownAttempt(checkAttempt(answer), this.#owner.plan!.group!),
      (change, end) => next(change ?? (hook.fallback === "ignore" ? UNCHANGED : failureOf(hook, end))),
    );
  }

  /**
   * `next` when all have looked at the head that comes in `outgoing`, and changed it; not when one has answered itself.
   * Answers whether that is still to come.
   */
  onResponse(hooks: readonly Hook<"onResponse">[], outgoing: OutgoingHead, next: () => void): boolean {
    const [hook, ...others] = hooks;
    if (hook === undefined) {
      next();
      return false;
    }
    const owner = this.#owner;
    // Texts of their own: the hook may keep what it was shown.
    outgoing.detach();
    const { upstream, server, attempts } = owner;
    const shown = new ShownResponse({
      status: outgoing.status,
      upstream,
      server,
      attempts,
      fields: [...outgoing.lines],
    });
    let waits = true;
    this.#run(
      hook,
      (run, context) => run(shown, this.request, context),
      (answer) => checkResponse(answer, outgoing.status),
      (change, end) => {
        waits = false;
        if (change === null && hook.fallback !== "ignore") owner.onFailed(failureOf(hook, end));
        else if (change?.kind === "answer") owner.onHookAnswer(change.response, hook);
        else {
          if (change !== null) applyResponseChange(change, outgoing);
          waits = this.onResponse(others, outgoing, next);
        }
      },
    );
    return waits;
  }

  /** The request is over: tells how it went, to whoever wants to know. */
  static onFinish(hooks: readonly Hook<"onFinish">[], ended: EndedRequest): void {
    const outcome = copyOutcome(ended);
    for (const hook of hooks)
      hook.run(
        { requestId: outcome.id },
        (run, context) => run(outcome, context),
        () => true,
        () => {},
      );
  }

  /** The request is over: whoever still thinks about it thinks in vain. */
  end(): void {
    this.#isOver = true;
    // The cause first: what is aborted by it comes behind, as with `AbortSignal.any`.
    this.request.end();
    for (const call of this.#calls.splice(0)) {
      call.abandon();
      const tookMs = this.#owner.engine.runtime.now() - call.beganMs;
      const hook = call.hook.definition.name;
      traceFor(this.#owner, "unanswered")?.noteHook({ hook, tookMs, outcome: "unanswered" });
    }
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
    done: (answer: A | null, end: HookEnd) => void,
  ): void {
    const owner = this.#owner;
    const { runtime, timers } = owner.engine;
    const beganMs = owner.trace === null ? timers.tickedMs : runtime.now();
    // Null as long as it may answer at once, beside others that are under way.
    let call: HookCall<unknown> | null = null;
    call = hook.run(owner, invoke, check, (answer, end) => {
      // A hook may end its own request within its call, by stopping the proxy, say.
      if (this.#isOver) return;
      if (call !== null) this.#calls = this.#calls.filter((each) => each !== call);
      const outcome = end === "ok" ? outcomeOf(answer) : end;
      const trace = traceFor(owner, outcome);
      if (trace !== null) trace.noteHook({ hook: hook.definition.name, tookMs: runtime.now() - beganMs, outcome });
      done(answer, end);
    }) as HookCall<unknown> | null;
    if (this.#isOver) call?.abandon();
    else if (call !== null) {
      call.beganMs = beganMs;
      this.#calls.push(call);
    }
  }

  /** No failure of the hook, but of nobody else either: who reads the log looks for it there. */
  #tellRefused(
    { definition, surroundings }: Hook<"decide">,
    { host, port }: Extract<Destination, { kind: "target" }>,
  ): void {
    const { name: hook, source } = definition;
    const target = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const { requestId } = this.#owner;
    surroundings.notify({ kind: "target-refused", hook, source, requestId, target });
  }

  #wish({ server, strict, hashKey, host, edits }: Extract<Destination, { kind: "upstream" }>): void {
    if (server !== null || hashKey !== null) this.#owner.wish = { server, strict, hashKey };
    if (host === null && edits === NO_EDITS) return;
    this.#owner.changes ??= new RequestChanges();
    this.#owner.changes.decide(host, edits);
  }
}

/** What notes such an outcome of a hook; null: where all went well nobody may want to know. */
export function traceFor(
  owner: Pick<HookedOwner, "trace" | "openTrace">,
  outcome: TraceHook["outcome"],
): ExchangeTrace | null {
  return outcome === "ok" ? owner.trace : owner.openTrace();
}

/** Of a hook that did its work, as traces tell it. */
function outcomeOf(answer: unknown): "answered" | "ok" {
  const { kind } = answer as { readonly kind?: string };
  return kind === "answer" || kind === "deny" ? "answered" : "ok";
}

const ENDS: Readonly<Record<HookEnd, string>> = {
  ok: "failed",
  rested: "rests: it failed too often, or too many calls of it hang",
  threw: "threw",
  timeout: "took too long",
  nonsense: "answered nonsense",
  blocked: "kept all requests waiting",
};

/** What a request is answered whose hook failed, and why. One that could be ignored cannot any more. */
export function failureOf(
  { definition, fallback }: { readonly definition: { readonly name: string }; readonly fallback: Fallback },
  end: HookEnd,
): Fault {
  const failed = { ...fault.HOOK_FAILED, reason: `the hook ${definition.name} ${ENDS[end]}` };
  if (fallback === "ignore") return { ...failed, status: 502 };
  return "status" in fallback ? { ...failed, status: fallback.status } : failed;
}
