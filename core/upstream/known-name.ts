/**
 * One name of DNS and what is known of it. Asked in rounds, again when the TTL ends; what is known stays until something
 * better comes, for a resolver that fails says nothing about the servers.
 *
 *     round: A + AAAA (or SRV) ──► answers replace what was known, type by type
 *        ▲                    └──► one is missing: kept, and asked again after 1 s, 2 s, 4 s … 30 s
 *        └── TTL, within bounds ◄──┘
 */

import { ADDRESSES_PER_NAME_MAX, DNS_RETRY_MS_MAX, DNS_RETRY_MS_MIN } from "../limits.ts";
import type { Notice } from "../observe/events.ts";
import type {
  Attempt,
  RecordType,
  ResolveAnswer,
  ResolveDone,
  ResolvedRecord,
  ResolveError,
  ResolveErrorCode,
} from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { DnsRules } from "./dns-rules.ts";

/** What all names share. */
export interface NameSurroundings {
  readonly timers: Timers;
  readonly rules: DnsRules;
  ask(type: RecordType, name: KnownName, done: ResolveDone): Attempt;
  random(): number;
  notify(notice: Notice): void;
}

export type NameKind = "addresses" | "services";

const TYPES: Readonly<Record<NameKind, readonly RecordType[]>> = { addresses: ["A", "AAAA"], services: ["SRV"] };

export class KnownName implements TimerOwner {
  readonly kind: NameKind;
  readonly name: string;
  /** The first round is over, whatever came of it. */
  isKnown = false;
  /** In an order that only the records themselves decide; at most `ADDRESSES_PER_NAME_MAX`. */
  records: readonly ResolvedRecord[] = [];
  readonly listeners = new Set<() => void>();
  readonly #surroundings: NameSurroundings;
  readonly #timer: Timer;
  readonly #byType = new Map<RecordType, readonly ResolvedRecord[]>();
  readonly #attempts = new Set<Attempt>();
  #fingerprint = "";
  #failing: ResolveErrorCode | null = null;
  #failures = 0;
  #isTooMany = false;
  #isStopped = false;

  constructor(kind: NameKind, name: string, surroundings: NameSurroundings) {
    this.kind = kind;
    this.name = name;
    this.#surroundings = surroundings;
    this.#timer = new Timer(this);
  }

  /** The last round brought no answer. */
  get isFailing(): boolean {
    return this.#failing !== null;
  }

  /** Begins a round. */
  onTimer(): void {
    const round = new Round(TYPES[this.kind].length);
    for (const type of TYPES[this.kind]) {
      const attempt = this.#surroundings.ask(type, this, (error, answer) => {
        this.#attempts.delete(attempt);
        if (!this.#isStopped) this.#onResult(round, type, error ?? answer!);
      });
      this.#attempts.add(attempt);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#surroundings.timers.remove(this.#timer);
    for (const attempt of this.#attempts) attempt.cancel();
  }

  #onResult(round: Round, type: RecordType, result: ResolveError | ResolveAnswer): void {
    round.pending--;
    if ("records" in result) {
      round.ttlSeconds = Math.min(round.ttlSeconds, result.ttlSeconds);
      this.#byType.set(type, result.records);
    } else if (result.code === "not-found") {
      round.missing.push(type);
      round.error ??= result;
    } else {
      round.error = result;
      round.hasFailed = true;
    }
    const isAnswered = round.ttlSeconds !== Number.POSITIVE_INFINITY;
    if (round.pending === 0) {
      // A name that has lost its addresses of one kind is one thing, a name that has lost all of them a mistake.
      if (isAnswered) for (const missing of round.missing) this.#byType.delete(missing);
      this.#schedule(round, isAnswered);
    }
    const wasKnown = this.isKnown;
    this.isKnown ||= round.pending === 0;
    if (this.#merge() || this.isKnown !== wasKnown) for (const listener of [...this.listeners]) listener();
  }

  #schedule(round: Round, isAnswered: boolean): void {
    const { rules, timers } = this.#surroundings;
    const ttlMs = Math.min(Math.max(round.ttlSeconds * 1_000, rules.ttlMsMin), rules.ttlMsMax);
    if (isAnswered && !round.hasFailed) {
      this.#failures = 0;
      timers.set(this.#timer, ttlMs);
    } else {
      const backoffMs = Math.min(DNS_RETRY_MS_MIN * 2 ** this.#failures, DNS_RETRY_MS_MAX);
      const waitMs = backoffMs * (1 - JITTER * this.#surroundings.random());
      this.#failures = Math.min(this.#failures + 1, FAILURES_COUNTED_MAX);
      timers.set(this.#timer, isAnswered ? Math.min(waitMs, ttlMs) : waitMs);
    }
    this.#tell(isAnswered ? null : round.error);
  }

  /** Once per change: a resolver that is away for an hour is one line. */
  #tell(error: ResolveError | null): void {
    const code = error?.code ?? null;
    if (code === this.#failing) return;
    this.#failing = code;
    const { name } = this;
    let kept = 0;
    for (const records of this.#byType.values()) kept += records.length;
    this.#surroundings.notify(
      error === null ? { kind: "name-resolved", name } : { kind: "name-failed", name, error, kept },
    );
  }

  /** Whether anything has changed. Two answers with the same records in another order are the same. */
  #merge(): boolean {
    const all = TYPES[this.kind].flatMap((type) => [...(this.#byType.get(type) ?? [])].sort(compareRecords));
    const isTooMany = all.length > ADDRESSES_PER_NAME_MAX;
    if (isTooMany && !this.#isTooMany)
      this.#surroundings.notify({
        kind: "name-cut",
        name: this.name,
        found: all.length,
        used: ADDRESSES_PER_NAME_MAX,
      });
    this.#isTooMany = isTooMany;
    const records = all.slice(0, ADDRESSES_PER_NAME_MAX);
    const fingerprint = records
      .map(({ host, port, priority, weight }) => `${host} ${port} ${priority} ${weight}`)
      .join();
    if (fingerprint === this.#fingerprint) return false;
    this.#fingerprint = fingerprint;
    this.records = records;
    return true;
  }
}

/** Asking again after failures comes up to a quarter earlier, so that a thousand names do not ask at once. */
const JITTER = 0.25;
/** Beyond, the wait no longer grows. */
const FAILURES_COUNTED_MAX = 16;

class Round {
  pending: number;
  ttlSeconds = Number.POSITIVE_INFINITY;
  error: ResolveError | null = null;
  /** Of one type nobody can tell whether there is any. */
  hasFailed = false;
  readonly missing: RecordType[] = [];

  constructor(pending: number) {
    this.pending = pending;
  }
}

function compareRecords(one: ResolvedRecord, other: ResolvedRecord): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  if (one.host !== other.host) return one.host < other.host ? -1 : 1;
  return one.port - other.port;
}
