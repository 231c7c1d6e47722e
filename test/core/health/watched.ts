import { DEFAULT_EJECTION, type EjectionDefinition } from "../../../core/health/definition.ts";
import { type HealthWatcher, ServerHealth, type ServerState } from "../../../core/health/server-health.ts";
import { TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";

/** A server's health on a clock of its own, with what it tells its group. */
export class Watched implements HealthWatcher {
  readonly timers = new Timers(0);
  readonly health = new ServerHealth();
  ejection: EjectionDefinition | null;
  mayBeEjected = true;
  /** `up -> down: why`, one line each. */
  readonly told: string[] = [];
  refusingChanges = 0;
  healthChanges = 0;
  #nowMs = 0;

  constructor(ejection: Partial<EjectionDefinition> | null = {}) {
    this.ejection = ejection === null ? null : { ...DEFAULT_EJECTION, ...ejection };
    this.health.attach(this);
  }

  wallClockMs(): number {
    return 1_000_000 + this.#nowMs;
  }
  mayEject(): boolean {
    return this.mayBeEjected;
  }
  onHealthChanged(): void {
    this.healthChanges++;
  }
  onStateChanged(server: ServerHealth, from: ServerState): void {
    this.told.push(`${from} -> ${server.state}: ${server.reason}`);
  }
  onRefusingChanged(): void {
    this.refusingChanges++;
  }

  advance(ms: number): void {
    for (const end = this.#nowMs + ms; this.#nowMs < end; ) {
      this.#nowMs += Math.min(TICK_MS, end - this.#nowMs);
      this.timers.advance(this.#nowMs);
    }
  }
}
