/** What the measured has to come to, and whether it does. */

import type { IdleSample } from "./measure-idle.ts";
import type { Summary } from "./report.ts";

interface CpuGoal {
  readonly target: string;
  readonly case: string;
  /** CPU per request, at most so many times that of `against`. */
  readonly against: string;
  readonly ratioMax: number;
}

const CPU_GOALS: readonly CpuGoal[] = [
  ...cpuGoals("small", { "millrace-node24": 1.25, "millrace-bun": 1, "millrace-deno": 1.15 }),
  ...["millrace-node24", "millrace-bun", "millrace-deno"].map((target) => ({
    target,
    case: "small",
    against: "httpxy",
    ratioMax: 1 / 3,
  })),
  ...["64k", "1m"].flatMap((name) =>
    cpuGoals(name, { "millrace-node24": 0.9, "millrace-bun": 0.9, "millrace-deno": 0.9 }),
  ),
  ...cpuGoals("close", { "millrace-node24": 1.3, "millrace-bun": 1.3, "millrace-deno": 1.3 }),
  ...["node24", "bun", "deno"].map((runtime) => ({
    target: `millrace-${runtime}+routes`,
    case: "routes",
    against: `millrace-${runtime}`,
    ratioMax: 1.05,
  })),
];

/** Over the pipe of the same runtime, a small GET. */
const OVER_PIPE_US_MAX = 4;

const IDLE_KIB_MAX: Readonly<Record<string, number>> = {
  "millrace-node": 16,
  "millrace-node24": 16,
  "millrace-bun": 16,
  "millrace-deno": 32,
};

/** One line for each goal that could be judged. */
export function judge(summaries: readonly Summary[], idle: readonly IdleSample[]): readonly string[] {
  const cpuOf = (target: string, name: string) =>
    summaries.find((summary) => summary.target === target && summary.case === name);
  const cpu = CPU_GOALS.flatMap(({ target, case: name, against, ratioMax }) => {
    const own = cpuOf(target, name);
    const other = cpuOf(against, name);
    if (own === undefined || other === undefined) return [];
    const ratio = against === "nginx" ? own.cpuToNginx : own.cpuUsPerRequest / other.cpuUsPerRequest;
    return [verdict(`${target}, ${name}: CPU × ${against}`, ratio, ratioMax)];
  });
  const memory = idle.flatMap(({ target, kibPerConnection }) => {
    const max = IDLE_KIB_MAX[target];
    return max === undefined ? [] : [verdict(`${target}: KiB per idle connection`, kibPerConnection, max)];
  });
  const overPipe = ["node24", "bun", "deno"].flatMap((runtime) => {
    const own = cpuOf(`millrace-${runtime}`, "small");
    const pipe = cpuOf(`pipe-${runtime}`, "small");
    if (own === undefined || pipe === undefined) return [];
    const us = own.cpuUsPerRequest - pipe.cpuUsPerRequest;
    return [verdict(`millrace-${runtime}, small: µs over pipe-${runtime}`, us, OVER_PIPE_US_MAX)];
  });
  return [...cpu, ...overPipe, ...memory];
}

function cpuGoals(name: string, ratios: Readonly<Record<string, number>>): CpuGoal[] {
  return Object.entries(ratios).map(([target, ratioMax]) => ({ target, case: name, against: "nginx", ratioMax }));
}

function verdict(what: string, value: number, max: number): string {
  return `${value <= max ? "reached" : "MISSED "}  ${what}: ${value.toFixed(2)}, at most ${max.toFixed(2)}`;
}
