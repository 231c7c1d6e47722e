/** Medians of the rounds as tables, in Markdown that is readable as it is, and the goals they are held against. */

import type { LoadCase } from "./cases.ts";
import type { IdleSample } from "./measure-idle.ts";
import type { Sample } from "./measure-load.ts";
import { median } from "./median.ts";

export interface Summary {
  readonly case: string;
  readonly target: string;
  readonly rounds: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
  readonly cpuUsPerRequest: number;
  readonly cpuUsRange: readonly [number, number];
  /** Median over the rounds of the ratio within one round: what disturbs a round disturbs both sides of it. */
  readonly cpuToNginx: number;
  /** The best round of each: what is left when disturbance, which only ever adds, is least. */
  readonly cpuToNginxBest: number;
  readonly peakMiB: number;
  readonly errors: number;
}

export const REFERENCE = "nginx";

export function summarize(samples: readonly Sample[]): readonly Summary[] {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const key = `${sample.case} ${sample.target}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [sample]);
    else group.push(sample);
  }
  return [...groups.values()].map((group) => summaryOf(group, samples));
}

function summaryOf(group: readonly Sample[], all: readonly Sample[]): Summary {
  const first = group[0] as Sample;
  const cpu = group.map((sample) => sample.cpuUsPerRequest);
  const ratios = group.map(({ round, cpuUsPerRequest }) => {
    const reference = all.find((one) => one.target === REFERENCE && one.case === first.case && one.round === round);
    return cpuUsPerRequest / (reference?.cpuUsPerRequest ?? Number.NaN);
  });
  const referenceCpu = all
    .filter((one) => one.target === REFERENCE && one.case === first.case)
    .map((one) => one.cpuUsPerRequest);
  return {
    case: first.case,
    target: first.target,
    rounds: group.length,
    requestsPerSecond: median(group.map((sample) => sample.requestsPerSecond)),
    p99Ms: median(group.map((sample) => sample.p99Ms)),
    cpuUsPerRequest: median(cpu),
    cpuUsRange: [Math.min(...cpu), Math.max(...cpu)],
    cpuToNginx: median(ratios),
    cpuToNginxBest: referenceCpu.length === 0 ? Number.NaN : Math.min(...cpu) / Math.min(...referenceCpu),
    peakMiB: Math.max(...group.map((sample) => sample.peakKiB)) / 1024,
    errors: group.reduce((sum, sample) => sum + sample.errors, 0),
  };
}

export function loadTable({ name, title, connections }: LoadCase, summaries: readonly Summary[]): string {
  const rows = summaries.filter((summary) => summary.case === name).map(rowOf);
  if (rows.length === 0) return "";
  const header = ["", "req/s", "p99 ms", "CPU µs/req", "min–max", `× ${REFERENCE}`, "best ×", "peak MiB", "errors"];
  return `${title}, ${connections} connections\n\n${table([header, ...rows])}`;
}

function rowOf(summary: Summary): string[] {
  const [least, most] = summary.cpuUsRange;
  return [
    summary.target,
    summary.requestsPerSecond.toFixed(0),
    summary.p99Ms.toFixed(1),
    summary.cpuUsPerRequest.toFixed(1),
    `${least.toFixed(1)}–${most.toFixed(1)}`,
    ratioText(summary.cpuToNginx),
    ratioText(summary.cpuToNginxBest),
    summary.peakMiB.toFixed(0),
    String(summary.errors),
  ];
}

function ratioText(ratio: number): string {
  return Number.isNaN(ratio) ? "–" : ratio.toFixed(2);
}

export function idleTable(samples: readonly IdleSample[]): string {
  const rows = samples.map(({ target, kibPerConnection }) => [target, kibPerConnection.toFixed(1)]);
  return `Idle keep-alive connection, ${samples[0]?.connections} of them\n\n${table([["", "KiB each"], ...rows])}`;
}

/** The first column is names, the others are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`;
  return [line(rows[0] ?? []), rule, ...rows.slice(1).map(line)].join("\n");
}
