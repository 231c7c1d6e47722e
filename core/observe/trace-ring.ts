/**
 * The traces that are kept, by request id: so many, and so many bytes. When it is full the oldest goes, but not just any:
 *
 *     sampled ▓▓▓      retried ▓      client ▓▓▓▓▓▓▓▓▓▓      upstream.closed app ▓▓      500 shop ▓
 *                                         ▲ flooded: its own oldest make room
 *
 * Traces are of a kind, and one is taken from a kind that has more than the others. So a flood of one kind pushes out
 * itself only, and whatever clients may do to be refused is all one kind.
 */

import { TRACE_BYTES_MAX } from "../limits.ts";
import type { Trace, TraceRules, TraceSkipped, Traces } from "./trace.ts";

interface Kept {
  readonly trace: Trace;
  readonly kind: string;
  readonly bytes: number;
}

/** Shares are counted in parts of a million: exactly. */
const WHOLE = 1_000_000;

export class TraceRing implements Traces {
  /** In the order they came. */
  readonly #byId = new Map<string, Kept>();
  /** The same, oldest first. None is empty. */
  readonly #kinds = new Map<string, Line>();
  readonly #bytesMax: number;
  #bytes = 0;
  #countMax = 0;
  #sampleParts = 0;
  /** A request is sampled whenever this has come to a whole. */
  #due = 0;

  constructor(rules: TraceRules, bytesMax: number = TRACE_BYTES_MAX) {
    this.#bytesMax = bytesMax;
    this.goBy(rules);
  }

  /** Other rules from now on. */
  goBy({ keep, sampleShare }: TraceRules): void {
    this.#countMax = keep;
    this.#sampleParts = Math.round(sampleShare * WHOLE);
    while (this.#byId.size > keep) this.#dropFrom(this.#largest());
  }

  get isOn(): boolean {
    return this.#countMax > 0;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** Every hundredth for 1 %: no dice, so that it costs an addition, and the same requests lead to the same traces. */
  samplesNext(): boolean {
    if (this.#countMax === 0) return false;
    const due = this.#due + this.#sampleParts;
    this.#due = due < WHOLE ? due : due - WHOLE;
    return due >= WHOLE;
  }

  keep(trace: Trace): void {
    const bytes = bytesOf(trace);
    if (this.#countMax === 0 || bytes > this.#bytesMax) return;
    const kind = kindOf(trace);
    const kept: Kept = { trace, kind, bytes };
    while (this.#byId.size >= this.#countMax || this.#bytes + bytes > this.#bytesMax) this.#makeRoomFor(kind);
    const alike = this.#kinds.get(kind);
    if (alike === undefined) this.#kinds.set(kind, new Line(kept));
    else alike.push(kept);
    this.#byId.set(trace.requestId, kept);
    this.#bytes += bytes;
  }

  find(requestId: string): Trace | null {
    return this.#byId.get(requestId)?.trace ?? null;
  }

  /** The newest first. `failed`: those alone, or those alone that have not. */
  list({ failed, limit = Number.POSITIVE_INFINITY }: TraceFilter = {}): Trace[] {
    const found: Trace[] = [];
    for (const { trace } of [...this.#byId.values()].reverse()) {
      if (found.length >= limit) break;
      if (failed === undefined || (trace.kept === "failed") === failed) found.push(trace);
    }
    return found;
  }

  /** One that has its share already makes room itself: then nobody looks for the largest. */
  #makeRoomFor(kind: string): void {
    const own = this.#kinds.get(kind);
    const isLarge = own !== undefined && own.size * this.#kinds.size >= this.#byId.size;
    this.#dropFrom(isLarge ? own : this.#largest());
  }

  #largest(): Line {
    let largest: Line | null = null;
    for (const kind of this.#kinds.values()) if (largest === null || kind.size > largest.size) largest = kind;
    return largest!;
  }

  #dropFrom(line: Line): void {
    const { trace, kind, bytes } = line.shift();
    if (line.size === 0) this.#kinds.delete(kind);
    this.#byId.delete(trace.requestId);
    this.#bytes -= bytes;
  }
}

/** First in, first out. A Set would be as short, but looks for its first through all the holes that others have left. */
class Line {
  #items: (Kept | null)[];
  #head = 0;

  constructor(first: Kept) {
    this.#items = [first];
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(kept: Kept): void {
    this.#items.push(kept);
  }

  shift(): Kept {
    const first = this.#items[this.#head]!;
    this.#items[this.#head++] = null;
    if (this.#head >= HOLES_MAX && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }
}

const HOLES_MAX = 32;

/** Which of the traces that are kept. */
export interface TraceFilter {
  readonly failed?: boolean;
  readonly limit?: number;
}

function kindOf({ kept, fault, status, upstream, routeId }: Trace): string {
  if (kept !== "failed") return kept;
  if (fault?.side === "client") return "client";
  return `${fault?.code ?? status} ${upstream === "" ? routeId : upstream}`;
}

/** An estimate, rather too high: records and numbers by their count, texts by their length. */
function bytesOf(trace: Trace): number {
  let bytes = RECORD_BYTES + trace.path.length + trace.host.length + trace.method.length;
  bytes += (trace.rewrittenPath?.length ?? 0) + trace.hooks.length * PART_BYTES + skippedBytesOf(trace.skipped);
  for (const each of trace.tries) bytes += TRY_BYTES + skippedBytesOf(each.skipped);
  return bytes;
}

function skippedBytesOf(skipped: TraceSkipped | null): number {
  let bytes = 0;
  if (skipped !== null) for (const { detail } of skipped.servers) bytes += PART_BYTES + detail.length;
  return bytes;
}

const RECORD_BYTES = 1_024;
const TRY_BYTES = 512;
const PART_BYTES = 128;
