/**
 * The servers of a group that rank alike. Requests go to the first tier as long as enough of it is well; what it can't
 * carry goes to the next (decision 014):
 *
 *     priority 0   ██████░░░░  60 % well, carries 84 %        OVERPROVISION: a tier with 72 % of its weight carries all
 *     priority 1   ██████████  the other 16 %
 *     backup       ██████████  nothing, as long as anybody above may be chosen
 */

import type { Balancer, Choice } from "../balance/balancer.ts";
import { hashText } from "../balance/hash-text.ts";
import { isCalled } from "../health/group-health.ts";
import type { Endpoint } from "./endpoint.ts";

/** Servers are expected to have this much more room than they need: Envoy's number. */
const OVERPROVISION = 1.4;
/** Another one than balancers take, so that each tier has keys from the whole of their tables. */
const TIER_SEED = 7;

export class Tier implements Choice<Endpoint> {
  readonly members: readonly Endpoint[];
  /** `tier` of all its members. */
  readonly rank: number;
  readonly isBackup: boolean;
  /** Each tier has its own, for its tables. */
  readonly balancer: Balancer;
  /** Whether any server may have too many requests to be chosen. */
  hasFull = false;
  readonly #weight: number;
  readonly #weights: readonly number[];
  #available: readonly Endpoint[];
  /** Null when all may be chosen. */
  #availableSet: ReadonlySet<Endpoint> | null = null;
  /** A number below this, drawn from [0, 1) and not below that of the tier before, is its. */
  upTo = 0;

  constructor(members: readonly Endpoint[], rank: number, balancer: Balancer) {
    this.members = members;
    this.rank = rank;
    this.isBackup = rank === Number.POSITIVE_INFINITY;
    this.balancer = balancer;
    this.#weight = weightOf(members);
    this.#weights = members.map(({ fullWeight }) => fullWeight);
    this.#available = members;
  }

  get available(): readonly Endpoint[] {
    return this.#available;
  }

  isAvailable(endpoint: Endpoint): boolean {
    return this.#availableSet === null || this.#availableSet.has(endpoint);
  }

  /** `eligible` may hold others, too. */
  setAvailable(eligible: readonly Endpoint[]): void {
    const set = new Set(eligible);
    const available = this.members.filter((member) => set.has(member));
    const isAll = available.length === this.members.length;
    this.#available = isAll ? this.members : available;
    this.#availableSet = isAll ? null : set;
    this.hasFull = available.some((member) => member.connectionsMax !== Number.POSITIVE_INFINITY);
  }

  /** Weights have changed since: balancers have to make their tables anew, which they do for another list. */
  get isStale(): boolean {
    return this.members.some(({ fullWeight }, i) => fullWeight !== this.#weights[i]);
  }

  /** The share of all requests that it can carry. */
  get capacity(): number {
    if (this.#available === this.members) return this.members.length === 0 ? 0 : 1;
    return Math.min(1, (OVERPROVISION * weightOf(this.#available)) / this.#weight);
  }
}

/** Some of a tier: without those that were tried, or are full. */
export class PartOfTier implements Choice<Endpoint> {
  readonly members: readonly Endpoint[];
  readonly available: readonly Endpoint[];

  constructor(tier: Tier, available: readonly Endpoint[]) {
    this.members = tier.members;
    this.available = available;
  }

  isAvailable(endpoint: Endpoint): boolean {
    return this.available.includes(endpoint);
  }
}

/** By priority, backups last. */
export function tiersOf(endpoints: readonly Endpoint[], createBalancer: () => Balancer): Tier[] {
  const byRank = new Map<number, Endpoint[]>();
  for (const endpoint of endpoints) {
    const { tier: rank } = endpoint;
    const alike = byRank.get(rank);
    if (alike === undefined) byRank.set(rank, [endpoint]);
    else alike.push(endpoint);
  }
  const ranks = [...byRank.keys()].sort((left, right) => (left < right ? -1 : 1));
  return ranks.map((rank) => new Tier(byRank.get(rank)!, rank, createBalancer()));
}

/** Whether `tiersOf` would make the same ones: then they are kept, with the tables of their balancers. */
export function areOf(tiers: readonly Tier[], endpoints: readonly Endpoint[]): boolean {
  const places = new Map(tiers.map((tier) => [tier.rank, { tier, next: 0 }]));
  for (const endpoint of endpoints) {
    const place = places.get(endpoint.tier);
    if (place === undefined || place.tier.members[place.next++] !== endpoint) return false;
  }
  return [...places.values()].every(({ tier, next }) => next === tier.members.length && !tier.isStale);
}

/** Decides which tier gets how much, after `setAvailable` of each. */
export function shareOut(tiers: readonly Tier[]): void {
  const ordinary = tiers.filter((tier) => !tier.isBackup);
  let carried = 0;
  for (const tier of ordinary) {
    carried = Math.min(1, carried + tier.capacity);
    tier.upTo = carried;
  }
  // Together they carry less than all: each its part of it.
  if (carried > 0 && carried < 1) for (const tier of ordinary) tier.upTo /= carried;
  for (const tier of tiers) if (tier.isBackup) tier.upTo = 1;
}

/** The tier of one request; null when there are none. With a key it is the same one each time, as its server is. */
export function drawTier(tiers: readonly Tier[], random: () => number, key = ""): Tier | null {
  const first = tiers[0];
  if (first === undefined || first.upTo >= 1) return first ?? null;
  const drawn = key === "" ? random() : hashText(key, TIER_SEED) / 2 ** 32;
  for (const tier of tiers) if (drawn < tier.upTo) return tier;
  return tiers.at(-1)!;
}

/** Servers a request was sent to before; `mayRepeat`: they come before others that are full. */
export interface Earlier {
  readonly tried: readonly Endpoint[];
  readonly mayRepeat: boolean;
}

/** Null: no request may go there, not even of a client that is kept there. */
export function tierOf(tiers: readonly Tier[], endpoint: Endpoint): Tier | null {
  const tier = tiers.find(({ rank }) => rank === endpoint.tier) ?? null;
  return tier?.isAvailable(endpoint) || endpoint.health.keepsClients ? tier : null;
}

/** Who was drawn is full, or somebody was tried before: rare enough to make lists for it. */
export function pickAround(tiers: readonly Tier[], drawn: Tier, earlier: Earlier, key: string): Endpoint | null {
  const { tried, mayRepeat } = earlier;
  const order = [drawn, ...tiers.filter((tier) => tier !== drawn)];
  const isUntried = (endpoint: Endpoint): boolean => !tried.includes(endpoint);
  return (
    pickWhere(order, key, (endpoint) => isUntried(endpoint) && !endpoint.isFull) ??
    (mayRepeat ? pickWhere(order, key, (endpoint) => !endpoint.isFull) : null) ??
    pickWhere(order, key, isUntried) ??
    pickWhere(order, key, () => true)
  );
}

/** The choice of the first tier that has one who is wanted, committed; null: none has. */
function pickWhere(tiers: readonly Tier[], key: string, isWanted: (endpoint: Endpoint) => boolean): Endpoint | null {
  for (const tier of tiers) {
    const part = new PartOfTier(tier, tier.available.filter(isWanted));
    const chosen = tier.balancer.choose(part, key);
    if (chosen === null) continue;
    tier.balancer.commit(part, chosen);
    return chosen;
  }
  return null;
}

/** The same of those that `name` was written for. Who was tried is wanted last, if at all. */
export function pickCalled(tiers: readonly Tier[], name: string, { tried, mayRepeat }: Earlier): Endpoint | null {
  const isUntried = (endpoint: Endpoint): boolean => isCalled(endpoint, name) && !tried.includes(endpoint);
  return (
    pickWhere(tiers, "", (endpoint) => isUntried(endpoint) && !endpoint.isFull) ??
    pickWhere(tiers, "", isUntried) ??
    (mayRepeat ? pickWhere(tiers, "", (endpoint) => isCalled(endpoint, name)) : null)
  );
}

function weightOf(endpoints: readonly Endpoint[]): number {
  let weight = 0;
  for (const endpoint of endpoints) weight += endpoint.fullWeight;
  return weight;
}
