/**
 * Who of a group succeeds so much less often than the others that it is not chance: Envoy's success rate outliers. A
 * server that fails every tenth request never fails five times in a row; beside nine that never fail it is seen here.
 */

import type { OutlierDefinition } from "./definition.ts";

/** Of one server in one interval. */
export interface Sample {
  readonly successes: number;
  readonly failures: number;
}

export interface Outlier<S extends Sample> {
  readonly sample: S;
  /** 0 to 1, as the next one. */
  readonly rate: number;
  /** What would have been enough. */
  readonly threshold: number;
}

/** The worst first, so that a limit on ejections takes those. */
export function findOutliers<S extends Sample>(samples: readonly S[], rules: OutlierDefinition): Outlier<S>[] {
  const judged = samples
    .filter(({ successes, failures }) => successes + failures >= rules.requestsMin)
    .map((sample) => ({ sample, rate: sample.successes / (sample.successes + sample.failures) }));
  if (judged.length === 0 || judged.length < rules.serversMin) return [];
  const mean = judged.reduce((sum, { rate }) => sum + rate, 0) / judged.length;
  const variance = judged.reduce((sum, { rate }) => sum + (rate - mean) ** 2, 0) / judged.length;
  const threshold = mean - rules.deviations * Math.sqrt(variance);
  return judged
    .filter(({ rate }) => rate < threshold - ROUNDING)
    .sort((left, right) => left.rate - right.rate)
    .map(({ sample, rate }) => ({ sample, rate, threshold }));
}

/** Equal rates must not come out below their own mean. */
const ROUNDING = 1e-9;
