import type {
  Attempt,
  RecordType,
  ResolveDone,
  ResolvedRecord,
  ResolveErrorCode,
  ResolveOptions,
} from "../core/runtime.ts";
import type { SimClock } from "./sim-clock.ts";

/** The simulated DNS: what is in it, how it fails, how long it takes. Names with nothing in it are not found. */
export interface SimZone {
  /** A and AAAA records, told apart by their colons; those of a type that is not named stay. */
  addresses(host: string, addresses: readonly string[], ttlSeconds?: number): void;
  services(name: string, services: readonly Partial<ResolvedRecord>[], ttlSeconds?: number): void;
  /** From now on, for one type or for all; `timeout` takes as long as the question allows. */
  fail(name: string, code: ResolveErrorCode, type?: RecordType): void;
  /** Undoes `fail`. */
  restore(name: string): void;
  /** Nothing is known of it any more. */
  remove(name: string): void;
  /** Answers come so late. */
  delayMs: number;
  /** Every question, as `A app.internal`. */
  readonly questions: readonly string[];
  /** Questions without an answer yet. */
  readonly pending: number;
}

interface Entry {
  readonly records: readonly ResolvedRecord[];
  readonly ttlSeconds: number;
}

export interface SimNames extends SimZone {
  resolve(clock: SimClock, question: ResolveOptions, done: ResolveDone): Attempt;
}

const TTL_SECONDS = 60;
const EMPTY: ResolvedRecord = { host: "", port: 0, priority: 0, weight: 0 };

export function createSimNames(): SimNames {
  const entries = new Map<string, Entry>();
  const failures = new Map<string, ResolveErrorCode>();
  const questions: string[] = [];
  let pending = 0;
  const failureOf = ({ name, type }: ResolveOptions): ResolveErrorCode | null => {
    const failure = failures.get(`${type} ${name}`);
    if (failure !== undefined) return failure;
    return (entries.get(`${type} ${name}`)?.records.length ?? 0) > 0 ? null : "not-found";
  };
  const names: SimNames = {
    delayMs: 0,
    questions,
    get pending() {
      return pending;
    },
    addresses(host, addresses, ttlSeconds = TTL_SECONDS) {
      const records = addresses.map((address) => ({ ...EMPTY, host: address }));
      const isV6 = ({ host: address }: ResolvedRecord): boolean => address.includes(":");
      const [v6, v4] = [records.filter(isV6), records.filter((record) => !isV6(record))];
      if (v4.length > 0 || records.length === 0) entries.set(`A ${host}`, { records: v4, ttlSeconds });
      if (v6.length > 0 || records.length === 0) entries.set(`AAAA ${host}`, { records: v6, ttlSeconds });
    },
    services(name, services, ttlSeconds = TTL_SECONDS) {
      entries.set(`SRV ${name}`, { records: services.map((service) => ({ ...EMPTY, ...service })), ttlSeconds });
    },
    fail(name, code, type) {
      for (const one of type === undefined ? TYPES : [type]) failures.set(`${one} ${name}`, code);
    },
    restore(name) {
      for (const type of TYPES) failures.delete(`${type} ${name}`);
    },
    remove(name) {
      for (const type of TYPES) entries.delete(`${type} ${name}`);
    },
    resolve(clock, question, done) {
      questions.push(`${question.type} ${question.name}`);
      pending++;
      let isOver = false;
      const finish = (code: ResolveErrorCode | null): void => {
        if (isOver) return;
        isOver = true;
        pending--;
        if (code === null) done(null, entries.get(`${question.type} ${question.name}`)!);
        else done({ code, message: `simulated: ${code}` }, null);
      };
      const isLost = failureOf(question) === "timeout";
      // What is there when it arrives counts, not what was there when it was asked.
      if (isLost) clock.appoint(question.timeoutMs, () => finish("timeout"));
      else if (names.delayMs > 0) clock.appoint(names.delayMs, () => finish(failureOf(question)));
      else clock.deliver(0, () => finish(failureOf(question)));
      return { cancel: () => clock.deliver(0, () => finish("canceled")) };
    },
  };
  return names;
}

const TYPES: readonly RecordType[] = ["A", "AAAA", "SRV"];
