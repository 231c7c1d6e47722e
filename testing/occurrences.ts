import type { RequestLine } from "../core/explain/request-line.ts";
import type { FinishedExchange, Notice, Observer } from "../core/observe/events.ts";
import { emptyRecord, type RequestRecord, recordOf } from "./test-response.ts";

/** What happened in a proxy. `atMs`: virtual milliseconds since it was made. */
export type TestEvent = FinishedEvent | (Notice & { readonly atMs: number });

/** A request that is over, among the events of a test. */
export interface FinishedEvent extends RequestRecord {
  readonly kind: "finished";
  readonly atMs: number;
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly status: number;
  readonly clientAddress: string;
}

interface Unclaimed {
  /** -1: of bytes that were no request. */
  readonly port: number;
  readonly method: string;
  readonly target: string;
  readonly record: RequestRecord;
}

/** Enough for a test; a flood drops the oldest. */
const EVENTS_MAX = 100_000;

/** Watches a proxy, and finds what it said of one request. */
export class Occurrences implements Observer {
  readonly wantsTimes = true;
  readonly events: TestEvent[] = [];
  readonly #now: () => number;
  readonly #mistakes: unknown[] = [];
  #unclaimed: Unclaimed[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  onExchange(exchange: FinishedExchange): void {
    const record = recordOf(exchange);
    const { method, host, target, status, clientAddress, clientPort } = exchange;
    this.#keep({ kind: "finished", atMs: this.#now(), ...record, method, host, target, status, clientAddress });
    this.#offer({ port: clientPort, method, target, record });
  }

  onNotice(notice: Notice): void {
    this.#keep({ ...notice, atMs: this.#now() });
    if (notice.kind !== "refused") return;
    const { method, target, requestId, fault } = notice;
    this.#offer({ port: -1, method, target, record: emptyRecord(requestId, fault.code) });
  }

  /** What is known of a request from a client's port, or of one that was refused with `answer`; null: nothing yet. */
  claim(port: number, { method, target }: RequestLine, answer: string): RequestRecord | null {
    const is = (one: Unclaimed): boolean => one.method === method && one.target === target;
    const found =
      this.#unclaimed.find((one) => one.port === port && (port !== 0 || is(one))) ??
      this.#unclaimed.find((one) => one.port === -1 && answer.includes(one.record.requestId)) ??
      this.#unclaimed.find((one) => one.port === -1 && is(one) && answer === "");
    if (found === undefined) return null;
    this.#unclaimed = this.#unclaimed.filter((one) => one !== found);
    return found.record;
  }

  noteMistake(error: unknown): void {
    this.#mistakes.push(error);
  }

  /** Throws the first error of the test's own functions that nobody was told yet. */
  throwMistake(): void {
    if (this.#mistakes.length > 0) throw this.#mistakes.shift();
  }

  #offer(one: Unclaimed): void {
    if (this.#unclaimed.length >= EVENTS_MAX) this.#unclaimed.shift();
    this.#unclaimed.push(one);
  }

  #keep(event: TestEvent): void {
    if (this.events.length >= EVENTS_MAX) this.events.shift();
    this.events.push(event);
  }
}
