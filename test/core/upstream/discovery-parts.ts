import type { Notice } from "../../../core/observe/events.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { ServerDefinition } from "../../../core/upstream/definition.ts";
import type { DnsRules } from "../../../core/upstream/dns-rules.ts";
import { Names } from "../../../core/upstream/names.ts";
import { createSimulation, type Simulation } from "../../../testing/sim.ts";

/** What the tests about finding servers stand on: names on the simulated DNS, with a clock that is moved. */
export interface NamesBench {
  readonly sim: Simulation;
  readonly names: Names;
  readonly notices: Notice[];
  pass(ms: number): void;
}

export const RULES: DnsRules = { servers: [], timeoutMs: 2_000, ttlMsMin: 1_000, ttlMsMax: 300_000 };

export function namesBench(rules: Partial<DnsRules> = {}): NamesBench {
  const sim = createSimulation({ seed: 1 });
  const timers = new Timers(sim.clock.now());
  sim.runtime.every(50, () => timers.advance(sim.clock.now()));
  const notices: Notice[] = [];
  const observer = { wantsTimes: false, onExchange() {}, onNotice: (notice: Notice) => void notices.push(notice) };
  const names = new Names({ runtime: sim.runtime, timers, observer, rules: { ...RULES, ...rules } });
  return {
    sim,
    names,
    notices,
    pass(ms) {
      sim.advance(ms);
      sim.drive();
    },
  };
}

export function serverNamed(host: string, port: number): ServerDefinition {
  return { label: `${host}:${port}`, address: { kind: "tcp", host, port }, weight: 1, connectionsMax: 10 };
}
