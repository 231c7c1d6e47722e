/**
 * Rounds of load on targets that all run at the same time, idle but for the one under load. A round goes once through
 * all targets, so that whatever else the machine does in those minutes meets all of them alike.
 */

import { loadavg } from "node:os";
import type { LoadCase } from "./cases.ts";
import type { Cores } from "./cores.ts";
import { load } from "./load.ts";
import { cpuUs, forgetPeak, peakResidentKiB } from "./process-usage.ts";
import { REFERENCE } from "./report.ts";
import type { StartedTarget } from "./start-targets.ts";
import type { Target } from "./targets.ts";

export interface Sample {
  readonly target: string;
  readonly case: string;
  readonly round: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly cpuUsPerRequest: number;
  readonly peakKiB: number;
  readonly errors: number;
  readonly loadAverage: number;
}

export interface LoadPlan {
  readonly targets: readonly StartedTarget[];
  readonly cases: readonly LoadCase[];
  readonly rounds: number;
  readonly seconds: number;
  /** At most so long for each target and case, however few requests it got. */
  readonly warmUpSeconds: number;
  readonly cores: Cores;
}

export interface LoadWatcher {
  onSample(sample: Sample): void;
  /** This target is measured no further. */
  onFailure(message: string): void;
}

export async function measureLoad(plan: LoadPlan, watcher: LoadWatcher): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  const failed = new Set<StartedTarget>();
  const unlessFailed = async (target: StartedTarget, work: () => Promise<void>) => {
    if (failed.has(target)) return;
    try {
      await work();
    } catch (error) {
      failed.add(target);
      watcher.onFailure(`${target.name}: ${(error as Error).message}`);
    }
  };
  for (const loadCase of plan.cases) {
    const seconds = Math.min(plan.seconds, loadCase.secondsMax);
    const targets = plan.targets.filter(({ target }) => takesPart(target, loadCase));
    for (const target of targets) await unlessFailed(target, () => warmUp(plan, target, loadCase));
    for (let round = 1; round <= plan.rounds; round++) {
      for (const target of targets) {
        await unlessFailed(target, async () => {
          const sample = { round, ...(await measured(plan, target, loadCase, seconds)) };
          samples.push(sample);
          watcher.onSample(sample);
        });
      }
    }
  }
  return samples;
}

/** Where a setup is what is measured, its plain twin is beside it. */
export function takesPart({ name, setup, kind }: Target, loadCase: LoadCase): boolean {
  if (loadCase.setup === "plain") return setup === "plain";
  return setup === loadCase.setup || (setup === "plain" && (kind === "millrace" || name === REFERENCE));
}

/** The compilers of the runtimes need to have seen this very case; a program compiled ahead only opens its connections. */
async function warmUp(plan: LoadPlan, target: StartedTarget, loadCase: LoadCase): Promise<void> {
  const wanted = target.target.compilesWhileRunning ? loadCase.warmUpRequests : 1;
  let seen = 0;
  for (let second = 0; second < plan.warmUpSeconds && seen < wanted && target.child.isRunning; second++)
    seen += (await load(target, loadCase, 1, plan.cores)).requests;
}

async function measured(
  plan: LoadPlan,
  target: StartedTarget,
  loadCase: LoadCase,
  seconds: number,
): Promise<Omit<Sample, "round">> {
  const { pid } = target.child;
  forgetPeak(pid);
  const beforeUs = cpuUs(pid);
  const { requests: completed, bytesRead, ...rest } = await load(target, loadCase, seconds, plan.cores);
  // At the end all connections are in the middle of a response; with long ones that is a good part of the work done.
  const requests = loadCase.bodyBytes === null ? completed : bytesRead / loadCase.bodyBytes;
  return {
    target: target.name,
    case: loadCase.name,
    requestsPerSecond: rest.requestsPerSecond,
    p99Ms: rest.p99Ms,
    cpuUsPerRequest: requests === 0 ? Number.NaN : (cpuUs(pid) - beforeUs) / requests,
    peakKiB: peakResidentKiB(pid),
    // One that ended under load has failed even when every request before was fine.
    errors: rest.errors + (target.child.isRunning ? 0 : 1),
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}
