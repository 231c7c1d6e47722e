import { loadRuntime } from "../../adapters/mod.ts";
import { addressText } from "../../core/config/address.ts";
import { compileConfig } from "../../core/config/compile.ts";
import type { Observer } from "../../core/observe/events.ts";
import { createProxy, type Proxy as Millrace } from "../../core/proxy.ts";
import type { Address, Runtime } from "../../core/runtime.ts";
import { createOrigin, describeRequest, type Origin, type OriginScript } from "../../testing/origin.ts";
import { type Peer, peerOn } from "../../testing/peer.ts";
import type { Segments } from "../../testing/segments.ts";
import { createSimulation, type Simulation, type SimulationOptions } from "../../testing/sim.ts";
import { addressOf } from "../../testing/wire.ts";
import { configuration } from "./configurations.ts";

/** Where a case is played: Millrace between raw clients and a recording upstream, simulated or on real sockets. */
export interface Stage {
  readonly origin: Origin;
  readonly proxy: Millrace;
  /** Codes of what went wrong, in order. */
  readonly faults: string[];
  /** What the upstream does with requests other than canaries; null: it describes them. */
  script: OriginScript;
  connect(segments: Segments): Peer;
  /** Waits until `isSo`, a few seconds at most; answers whether it came to that. */
  until(isSo: () => boolean): Promise<boolean>;
  /** For what comes later on purpose; at once in the simulator, where no order is lost. */
  later(run: () => void): void;
  close(): Promise<void>;
}

export interface SimulatedStage extends Stage {
  readonly sim: Simulation;
}

/** What must have happened within this time is taken to happen never. */
const PATIENCE_MS = 4_000;
/** Loopback is fast, and a test that waits several times must end within Bun's five seconds. */
const SOCKET_PATIENCE_MS = 1_500;
const LISTEN = "127.0.0.1:8080";
const UPSTREAM = "127.0.0.1:9001";

export async function simulate(
  configured: string,
  options: Partial<SimulationOptions> = {},
  change: ConfigurationChange = (config) => config,
): Promise<SimulatedStage> {
  const sim = createSimulation({ seed: 1, ...options });
  const cast = await castOf(sim.runtime, sim.outside(), { configured, listen: LISTEN, upstream: UPSTREAM, change });
  const { proxy, origin } = cast;
  const until = async (isSo: () => boolean): Promise<boolean> => {
    sim.drive();
    for (let waited = 0; !isSo(); waited += 50) {
      if (waited >= PATIENCE_MS) return false;
      sim.advance(50);
      sim.drive();
    }
    return true;
  };
  return Object.assign(cast.stage, {
    sim,
    connect: (segments: Segments) => sim.connect(LISTEN, { segments, keepsHalfOpen: true }),
    until,
    later: (run: () => void) => run(),
    async close() {
      await sim.until(proxy.drain(100), 10_000);
      await origin.close();
      sim.assertQuiet();
      if (cast.stage.faults.includes("internal.internal")) throw new Error("a defect of the proxy was reported");
    },
  });
}

export async function onSockets(configured: string): Promise<Stage> {
  const runtime = await loadRuntime();
  const cast = await castOf(runtime, runtime, { configured, listen: "127.0.0.1:0", upstream: "127.0.0.1:0" });
  const [address] = cast.proxy.addresses as [Address];
  return Object.assign(cast.stage, {
    connect: () => peerOn(runtime, address, { keepsHalfOpen: true }),
    async until(isSo: () => boolean): Promise<boolean> {
      const deadline = performance.now() + SOCKET_PATIENCE_MS;
      while (!isSo()) {
        if (performance.now() > deadline) return false;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return true;
    },
    later: (run: () => void) => void setTimeout(run, 30),
    async close() {
      await cast.proxy.drain(100);
      await cast.origin.close();
    },
  });
}

export type ConfigurationChange = (config: ReturnType<typeof configuration>) => ReturnType<typeof configuration>;

interface Setting {
  readonly configured: string;
  readonly listen: string;
  readonly upstream: string;
  readonly change?: ConfigurationChange;
}

async function castOf(runtime: Runtime, outside: Runtime, setting: Setting) {
  const stage = { script: {} as OriginScript };
  const origin = await createOrigin(outside, addressOf(setting.upstream), {
    onConnect: (link) => stage.script.onConnect?.(link),
    onHead: (head, link) => stage.script.onHead?.(head, link),
    onTunnel: (text, link) => stage.script.onTunnel?.(text, link),
    onRequest(request, link) {
      if (isCanary(request.target) || !stage.script.onRequest) return describeRequest(request);
      return stage.script.onRequest(request, link);
    },
  });
  const config = configuration(setting.configured, setting.listen, addressText(origin.address));
  const compiled = compileConfig(setting.change?.(config) ?? config);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems, null, 2));
  const faults: string[] = [];
  const observer: Observer = {
    wantsTimes: true,
    onExchange({ fault }) {
      if (fault !== null) faults.push(fault.code);
    },
    onNotice(notice) {
      if (notice.kind === "refused") faults.push(notice.fault.code);
    },
  };
  const proxy = createProxy({ runtime, snapshot: compiled.snapshot, observer });
  await proxy.start();
  return { proxy, origin, stage: Object.assign(stage, { proxy, origin, faults }) };
}

export function isCanary(target: string): boolean {
  return target.startsWith("/canary?");
}
