/** A `.cpuprofile`, as the profilers of V8 and JavaScriptCore write it, cut to a stretch of time. */

import { readFileSync } from "node:fs";

export interface Frame {
  /** Empty where it has none. */
  readonly name: string;
  /** Empty for what is no JavaScript: the runtime's own code, the collector, waiting. */
  readonly url: string;
  readonly line: number;
}

export interface SelfTime {
  readonly frame: Frame;
  readonly samples: number;
}

interface ProfileFile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds of the monotonic clock, which V8 profiles by, and of the calendar, which JavaScriptCore does. */
export interface Instant {
  readonly monotonicUs: number;
  readonly calendarUs: number;
}

/** No machine runs for so long: 30 years after the epoch, a time is one of the calendar. */
const CALENDAR_FROM_US = 30 * 365 * 86_400 * 1e6;

export function instant(): Instant {
  return { monotonicUs: Number(process.hrtime.bigint() / 1000n), calendarUs: Date.now() * 1000 };
}

/**
 * Samples are counted, not the time between them: JavaScriptCore takes none while it waits, and what comes first after
 * that would be charged with the pause.
 */
export function selfTimes(path: string, from: Instant, to: Instant): readonly SelfTime[] {
  const profile = JSON.parse(readFileSync(path, "utf8")) as ProfileFile;
  const clock = profile.startTime > CALENDAR_FROM_US ? "calendarUs" : "monotonicUs";
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const times = new Map<string, { frame: Frame; samples: number }>();
  let atUs = profile.startTime;
  for (const [i, id] of profile.samples.entries()) {
    atUs += profile.timeDeltas[i] ?? 0;
    const callFrame = frames.get(id);
    if (callFrame === undefined || atUs < from[clock] || atUs > to[clock]) continue;
    const { functionName: name, url, lineNumber: line } = callFrame;
    const key = `${name} ${url} ${line}`;
    const known = times.get(key);
    if (known === undefined) times.set(key, { frame: { name, url, line: line + 1 }, samples: 1 });
    else known.samples++;
  }
  return [...times.values()].sort((a, b) => b.samples - a.samples);
}
