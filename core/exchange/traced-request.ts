/** What of an exchange its record and its trace go by: the clock, how it went, and the notes once somebody takes them. */

import type { Fault } from "../fault.ts";
import type { RequestHead } from "../http/message.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { ClientSide } from "./client-side.ts";
import { restOf } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import { ExchangeTrace, type TracedExchange } from "./exchange-trace.ts";
import { RequestView } from "./request-view.ts";
import type { Tries } from "./tries.ts";

export abstract class TracedRequest extends RequestView implements TracedExchange {
  /** When it began, by the clock of the runtime; 0 when nobody wants to know. */
  readonly startedMs: number;
  /** Its log line has times, or a hook is told of them. */
  readonly wantsTimes: boolean;
  /** The turn in which it came is over. */
  hasBegun = false;
  /** The target that goes to servers; null: as received. */
  targetSent: string | null = null;
  trace: ExchangeTrace | null = null;
  status = 0;
  responseBytes = 0;
  /** What the client has sent behind a 101. */
  tunnelBytes = 0;
  durationMs = 0;
  firstByteMs = 0;
  fault: Fault | null = null;
  abstract readonly tried: readonly Endpoint[];
  abstract readonly attempts: number;
  abstract readonly requestBytes: number;

  constructor(engine: Engine, client: ClientSide, head: RequestHead) {
    super(engine, client, head);
    const { traceRing } = engine;
    this.wantsTimes = engine.observer.wantsTimes || engine.deployment.wantsTimes;
    this.startedMs = this.wantsTimes || traceRing.isOn ? engine.runtime.now() : 0;
    if (traceRing.samplesNext()) this.trace = new ExchangeTrace(this, true);
  }

  get nowMs(): number {
    return this.startedMs === 0 ? 0 : this.engine.runtime.now();
  }

  protected noteResponse(status: number): void {
    this.status = status;
    if (this.wantsTimes) this.firstByteMs = this.engine.runtime.now() - this.startedMs;
  }

  /** By a reload. What has no response yet may need all of it. */
  onReplaced(): void {
    if (this.status !== 0) this.deployment = restOf(this.deployment);
  }

  protected noteEnd(reason: Fault | null): void {
    this.fault = reason;
    if (this.wantsTimes) this.durationMs = this.engine.runtime.now() - this.startedMs;
  }

  /** Something goes wrong: from here on notes are taken. Null when traces are turned off. */
  openTrace(): ExchangeTrace | null {
    if (this.trace === null && this.engine.traceRing.isOn) this.trace = new ExchangeTrace(this, false);
    return this.trace;
  }

  /** At the end, when status and fault are known. */
  protected keepTrace(tries: Tries | null): void {
    const trace = this.openTrace();
    tries?.noteEnd(trace, this.fault);
    const record = trace === null ? null : trace.finish();
    if (record !== null) this.engine.traceRing.keep(record);
  }
}
