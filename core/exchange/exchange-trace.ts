/**
 * Notes what becomes of one exchange, for its trace. Made at its begin for a request of the sample; for any other only
 * when a try of it fails, or it ends badly: what is needed then stands in its attempts.
 */

import type { Fault } from "../fault.ts";
import { TRACE_HOOKS_MAX, TRACE_TEXT_MAX, TRACE_TRIES_MAX } from "../limits.ts";
import type {
  Trace,
  TraceEdits,
  TraceHook,
  TraceLoad,
  TraceNext,
  TraceSkipped,
  TraceTry,
  TryCause,
} from "../observe/trace.ts";
import type { CompiledFieldEdits } from "../route/field-edits.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { PickRequest } from "../upstream/pick-request.ts";
import type { RequestView } from "./request-view.ts";

/** The exchange, as far as its trace tells of it. */
export interface TracedExchange extends RequestView, PickRequest {
  /** On the clock of the runtime; 0 when nobody looked. */
  readonly startedMs: number;
  readonly nowMs: number;
  /** The target that goes to servers; null: as received. */
  readonly targetSent: string | null;
  readonly status: number;
  readonly fault: Fault | null;
  readonly attempts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
}

/** A try, as far as a trace tells of it. Times are by the clock. */
export interface TracedAttempt {
  readonly endpoint: Endpoint;
  readonly cause: TryCause;
  /** Who has chosen the server, if that was not the group: a hook, say. */
  readonly chosenBy: string;
  readonly isReused: boolean;
  readonly isBound: boolean;
  /** It has had a connection. */
  readonly wasSent: boolean;
  /** In the queue for a place; null: it did not wait. */
  readonly waitedMs: number | null;
  /** Null: as the exchange began. */
  readonly startedMs: number | null;
  /** When it had its connection; null: at once. */
  readonly leasedMs: number | null;
  /** The head of the response; where nobody asked for more, by the last tick. Null: none came. */
  readonly headMs: number | null;
  readonly status: number;
}

/** In place of when a try ended. */
const UNDER_WAY = -1;
const NO_HOOKS: readonly TraceHook[] = [];
const NO_EDITS: TraceEdits = { request: [], response: [] };

type Note = { -readonly [K in keyof TraceTry]: TraceTry[K] };

export class ExchangeTrace {
  readonly isSampled: boolean;
  readonly #exchange: TracedExchange;
  readonly #attempts: TracedAttempt[] = [];
  /** One for each of them. */
  readonly #notes: Note[] = [];
  #hasFailedTry = false;
  #hooks: TraceHook[] | null = null;

  constructor(exchange: TracedExchange, isSampled: boolean) {
    this.#exchange = exchange;
    this.isSampled = isSampled;
  }

  /** A try begins now. */
  began(attempt: TracedAttempt): void {
    this.#noteOf(attempt, "choice");
  }

  /** A try is over; to be called before anybody hears of it. Null: it was answered, or is not needed any more. */
  ended(attempt: TracedAttempt, reason: Fault | null): void {
    const note = this.#noteOf(attempt, "end");
    if (note === null || note.endedAfterMs !== UNDER_WAY) return;
    const { startedMs, nowMs } = this.#exchange;
    const { wasSent, headMs, isReused, isBound } = attempt;
    const beganMs = attempt.startedMs ?? startedMs;
    const leasedMs = attempt.leasedMs ?? beganMs;
    note.connection = !wasSent ? null : isBound ? "bound" : isReused ? "reused" : "new";
    if (isBound) note.chosenBy = "bound connection";
    if (!wasSent) note.connectMs = rounded(nowMs - beganMs);
    else if (note.connection === "new") note.connectMs = rounded(leasedMs - beganMs);
    if (wasSent) note.sentAfterMs = rounded(leasedMs - startedMs);
    // The last tick may have been before.
    if (headMs !== null) note.firstByteMs = rounded(Math.max(0, headMs - leasedMs));
    note.status = attempt.status;
    note.fault = reason === null ? "" : reason.code;
    note.endedAfterMs = rounded(nowMs - startedMs);
    if (reason !== null) this.#hasFailedTry = true;
  }

  /** What follows on a try that has failed, or was answered by a status that may be better elsewhere. */
  decided(attempt: TracedAttempt, decision: TraceNext["decision"], why: string): void {
    const note = this.#noteOf(attempt, "end");
    if (note !== null) note.next = { decision, why, load: loadOf(this.#exchange.plan!.group!) };
    if (decision !== "none") this.#hasFailedTry = true;
  }

  /** What was decided last could not be done. */
  dropped(why: string): void {
    const note = this.#notes.findLast(({ next }) => next !== null);
    if (note === undefined) return;
    note.next = { decision: "none", why, load: loadOf(this.#exchange.plan!.group!) };
  }

  /** A function of the configuration was called. */
  noteHook({ hook, tookMs, outcome }: TraceHook): void {
    this.#hooks ??= [];
    if (this.#hooks.length < TRACE_HOOKS_MAX)
      this.#hooks.push({ hook, tookMs: rounded(tookMs), outcome: cut(outcome) });
  }

  /** At the end, when the exchange's record is complete; null: it is none of those that are kept. */
  finish(): Trace | null {
    const exchange = this.#exchange;
    const { status, fault, startedMs, nowMs, plan, route } = exchange;
    const hasFailed = fault !== null || status >= 500;
    if (!hasFailed && !this.isSampled && !this.#hasFailedTry) return null;
    const group = plan?.group ?? null;
    const target = exchange.targetSent;
    return {
      requestId: exchange.requestId,
      kept: hasFailed ? "failed" : this.#hasFailedTry ? "retried" : "sampled",
      atMs: Math.round(exchange.engine.runtime.wallClockMs() - (nowMs - startedMs)),
      listener: exchange.listener,
      clientAddress: exchange.clientAddress,
      method: exchange.method,
      host: cut(exchange.host),
      path: cut(exchange.path),
      routeId: exchange.routeId,
      upstream: group === null ? "" : group.definition.name,
      rewrittenPath: target === null ? null : cut(pathOf(target)),
      edits: route === null ? NO_EDITS : editsOf(route.requestEdits, route.responseEdits),
      hooks: this.#hooks ?? NO_HOOKS,
      tries: this.#notes,
      triesOmitted: exchange.attempts - this.#notes.length,
      skipped: group === null || exchange.attempts > 0 ? null : group.skipped(exchange, null, "choice"),
      load: group === null ? null : loadOf(group),
      status,
      fault,
      requestBytes: exchange.requestBytes,
      responseBytes: exchange.responseBytes,
      durationMs: rounded(nowMs - startedMs),
    };
  }

  /** Made now when there is none; null: there are too many. */
  #noteOf(attempt: TracedAttempt, seenAt: TraceSkipped["seenAt"]): Note | null {
    const known = this.#notes[this.#attempts.indexOf(attempt)];
    if (known !== undefined) return known;
    return this.#notes.length < TRACE_TRIES_MAX ? this.#add(attempt, seenAt) : null;
  }

  #add(attempt: TracedAttempt, seenAt: TraceSkipped["seenAt"]): Note {
    const exchange = this.#exchange;
    const { endpoint, cause, waitedMs } = attempt;
    const note: Note = {
      server: endpoint.label,
      cause,
      chosenBy: this.#chooserOf(attempt),
      skipped: exchange.plan!.group!.skipped(exchange, endpoint, seenAt),
      beganAfterMs: rounded((attempt.startedMs ?? exchange.startedMs) - exchange.startedMs),
      waitedMs: rounded(waitedMs ?? 0),
      connection: null,
      connectMs: null,
      tlsMs: null,
      sentAfterMs: null,
      firstByteMs: null,
      endedAfterMs: UNDER_WAY,
      status: 0,
      fault: "",
      next: null,
    };
    this.#attempts.push(attempt);
    this.#notes.push(note);
    return note;
  }

  #chooserOf({ chosenBy, cause, waitedMs, endpoint }: TracedAttempt): string {
    if (chosenBy !== "") return chosenBy;
    if (cause === "fresh") return "same server";
    if (waitedMs !== null) return "queue";
    const exchange = this.#exchange;
    const group = exchange.plan!.group!;
    if (group.isKept(exchange, endpoint)) return "sticky cookie";
    const { balance } = group.definition;
    return typeof balance === "string" ? balance : `hash (${balance.method})`;
  }
}

function loadOf({ breaker, retryBudget, queue, definition, nowMs }: Group): TraceLoad {
  const { caps } = breaker;
  return {
    retryTokens: Math.round(retryBudget.tokens(nowMs) * 10) / 10,
    inFlight: breaker.inFlight,
    inFlightMax: finite(caps.inFlight),
    retries: breaker.retries,
    retriesMax: finite(caps.retries),
    queued: queue.length,
    queuedMax: finite(Math.min(caps.pending, definition.pool.queueMax)),
  };
}

function finite(bound: number): number | null {
  return bound === Number.POSITIVE_INFINITY ? null : bound;
}

function editsOf(request: CompiledFieldEdits, response: CompiledFieldEdits): TraceEdits {
  if (request.isEmpty && response.isEmpty) return NO_EDITS;
  return { request: namesIn(request), response: namesIn(response) };
}

function namesIn({ set, add, remove, isEmpty }: CompiledFieldEdits): readonly string[] {
  return isEmpty ? NO_EDITS.request : [...[...set, ...add].map(({ name }) => name), ...remove];
}

function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}

function cut(text: string): string {
  return text.length > TRACE_TEXT_MAX ? `${text.slice(0, TRACE_TEXT_MAX - 1)}…` : text;
}

/** To the microsecond: what is finer than that is noise. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
