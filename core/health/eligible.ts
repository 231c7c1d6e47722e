/**
 * Who of a group may be picked now.
 *
 *     in the list ─► not drained, not in maintenance ─► healthy ──────────────────────────────────► eligible
 *                            │                              └ too few of them (panic): all that don't refuse ─►
 *                            └ only one: always
 *
 * With few healthy servers it is more likely that the checks are wrong, or that all suffer from the same, than that
 * the few can carry everything: then all are tried rather than those overloaded. What is certain stays: an operator's
 * word, and that nothing listens where connections are refused. When all refuse there is nobody: asking them again
 * and again is a storm, and `GroupHealth` asks once a second.
 */

/** What is looked at of a server. */
export interface Eligibility {
  /** Neither drained nor in maintenance. */
  readonly isReady: boolean;
  readonly isHealthy: boolean;
  /** It may have a request now to show whether it is well again. */
  readonly awaitsTrial: boolean;
  /** The last that is known of its port is that nothing listens there. */
  readonly isRefusing: boolean;
}

export interface Rated {
  readonly health: Eligibility;
  /** Those of a higher number are for when the lower ones don't suffice: priorities and backups. */
  readonly tier: number;
}

export interface Selection<M> {
  readonly servers: readonly M[];
  readonly isPanic: boolean;
  /** How many of the ready ones are healthy. */
  readonly healthy: number;
  readonly ready: number;
}

export function eligibleOf<M extends Rated>(members: readonly M[], panicShare: number): Selection<M> {
  const ready = members.filter(({ health }) => health.isReady);
  const healthy = ready.filter(({ health }) => health.isHealthy);
  const answer = (servers: readonly M[], isPanic: boolean): Selection<M> => {
    return { servers, isPanic, healthy: healthy.length, ready: ready.length };
  };
  if (ready.length <= 1) return answer(ready, false);
  const accepting = ready.filter(({ health }) => !health.isRefusing);
  if (accepting.length === 0) return answer([], false);
  if (isPanic(ready, panicShare)) return answer(accepting, true);
  return answer(
    ready.filter(({ health }) => health.isHealthy || health.awaitsTrial),
    false,
  );
}

/** The `tier` of servers that are used as a last resort. */
const BACKUPS = Number.POSITIVE_INFINITY;

/** No tier has enough healthy servers: where one has, those below or above it are not needed. */
function isPanic(ready: readonly Rated[], panicShare: number): boolean {
  const tiers = new Map<number, { all: number; healthy: number }>();
  // Backups come in when nobody else is left: until then their health helps nobody.
  const areBackupsIn = !ready.some((server) => server.tier !== BACKUPS && mayBeWell(server));
  for (const server of ready) {
    const { tier } = server;
    if (tier === BACKUPS && !areBackupsIn) continue;
    const counts = tiers.get(tier) ?? { all: 0, healthy: 0 };
    tiers.set(tier, counts);
    counts.all++;
    if (mayBeWell(server)) counts.healthy++;
  }
  return [...tiers.values()].every(({ all, healthy }) => healthy < all * panicShare);
}

/** In panic the first tier has all requests: one below it that awaits its trial would never get it. */
function mayBeWell({ health }: Rated): boolean {
  return health.isHealthy || health.awaitsTrial;
}
