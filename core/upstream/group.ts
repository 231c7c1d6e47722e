/**
 * A named group of servers and how one of them is picked: what the configuration calls an upstream.
 *
 *     all endpoints ──► tiers ──(up, not retired)──► available, until something changes ──► balancer ──► one
 *                                                        └──(tried already, full)──► the others, or the next tier
 */

import type { Balancer } from "../balance/balancer.ts";
import { type AdminState, DEFAULT_HEALTH } from "../health/definition.ts";
import { GroupHealth, isCalled } from "../health/group-health.ts";
import type { TraceSkipped } from "../observe/trace.ts";
import { Timer, type TimerOwner } from "../time/timers.ts";
import { balancerOf } from "./balancer-of.ts";
import { Breaker, NO_CAPS } from "./breaker.ts";
import type { Surroundings } from "./connections.ts";
import type { ServerDefinition, UpstreamDefinition } from "./definition.ts";
import { Discovery } from "./discovery.ts";
import { Endpoint, type PlaceSeekers } from "./endpoint.ts";
import { endpointList } from "./endpoint-list.ts";
import { type HashPart, hashKeyOf } from "./hash-key.ts";
import { OperatorWords } from "./operator-words.ts";
import type { Outcome } from "./outcome.ts";
import type { PickRequest, PickWish } from "./pick-request.ts";
import { RetryBudget } from "./retry-budget.ts";
import { DEFAULT_RETRIES, type RetryPolicy } from "./retry-policy.ts";
import { skippedServers } from "./skipped.ts";
import { SlowStart } from "./slow-start.ts";
import { Sticky } from "./sticky.ts";
import { areOf, drawTier, pickAround, pickCalled, shareOut, type Tier, tierOf, tiersOf } from "./tier.ts";
import { WaitQueue } from "./wait-queue.ts";

/** What a failure counts as for who goes by time, at least, however soon it came. */
const FAILED_MS = 1_000;

export class Group implements TimerOwner, PlaceSeekers {
  readonly definition: UpstreamDefinition;
  readonly retries: RetryPolicy;
  readonly retryBudget: RetryBudget;
  readonly breaker: Breaker;
  readonly queue: WaitQueue<Endpoint>;
  /** Infinity: no second try beside the first. */
  readonly hedgeAfterMs: number;
  readonly #surroundings: Surroundings;
  readonly #random: () => number;
  readonly #createBalancer: () => Balancer;
  readonly #balancer: Balancer; // what latencies are reported to
  readonly #hashPart: HashPart | null;
  readonly sticky: Sticky | null;
  readonly #health: GroupHealth<Endpoint>;
  #servers: readonly ServerDefinition[] = [];
  /** Null: all addresses are in the configuration. */
  readonly #discovery: Discovery | null;
  #endpoints: readonly Endpoint[] = [];
  #words: OperatorWords;
  /** At a reload, until `takeOver`: whose servers these still are. */
  #predecessor: Group | null;
  /** Shared by all that follow one another: who is still asked, by a long request, holds on to the latest only. */
  #succession: { latest: Group } = { latest: this };
  /** From `takeOver` on: whose the servers that stay are now, and the line. */
  #successor: { readonly latest: Group } | null = null;
  readonly #slowStart: SlowStart;
  /** Not all that there is at the start has been found: whoever is found now is no colder than the others. */
  #isStarting: boolean;
  #tiers: readonly Tier[] = [];
  #isEligibleKnown = false;
  #isRetired = false;
  readonly #timer = new Timer(this);

  /**
   * `previous` is the group of the same name that this one takes over from at a reload: servers that stay are the same
   * endpoints. They go by the old definition, and those that go are not retired, until `takeOver`.
   */
  constructor(definition: UpstreamDefinition, surroundings: Surroundings, previous: Group | null = null) {
    this.definition = definition;
    this.retries = definition.retries ?? DEFAULT_RETRIES;
    this.retryBudget = previous?.retryBudget ?? new RetryBudget(this.retries, surroundings.timers.nowMs);
    const { timers, observer, runtime } = surroundings;
    this.breaker = previous?.breaker ?? new Breaker(definition.name, definition.breaker ?? NO_CAPS, timers, observer);
    this.queue = previous?.queue ?? new WaitQueue(timers);
    this.hedgeAfterMs = definition.hedgeAfterMs ?? Number.POSITIVE_INFINITY;
    this.#surroundings = surroundings;
    const { name, health } = definition;
    this.#health = new GroupHealth(name, health ?? DEFAULT_HEALTH, surroundings, () => this.onEligibilityChanged());
    this.#random = () => runtime.random();
    this.#createBalancer = balancerOf(definition, { random: this.#random, nowMs: () => timers.nowMs });
    this.#balancer = this.#createBalancer();
    this.#hashPart = typeof definition.balance === "string" ? null : definition.balance.part;
    this.sticky = definition.sticky === undefined ? null : new Sticky(name, definition.sticky, runtime);
    this.#slowStart = new SlowStart(definition.slowStartMs ?? 0);
    this.#predecessor = previous;
    this.#words = new OperatorWords(previous === null ? null : previous.#words);
    this.#isStarting = previous === null;
    this.#discovery = this.#discover();
    this.setServers(this.#discovery?.servers ?? definition.servers);
    this.whenDiscovered(() => {
      this.#isStarting = false;
    });
  }

  /** The time of the last tick. */
  get nowMs(): number {
    return this.#surroundings.timers.nowMs;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#endpoints;
  }

  /** The servers from now on. Those that stay keep connections, health and counts; those that go are retired. */
  setServers(servers: readonly ServerDefinition[]): void {
    const before = this.#endpoints;
    const shared = new Set(this.#predecessor?.endpoints);
    this.#servers = servers;
    this.#endpoints = this.#listOf(servers, new Set([...shared, ...before]));
    this.#settle(before.filter((endpoint) => !shared.has(endpoint)));
  }

  /**
   * Before this group takes over: gets ready what requests would otherwise wait for (addresses, a first round of
   * health checks), and says when, maybe in this very call. The caller does not wait for ever.
   */
  warm(done: () => void): void {
    this.whenDiscovered(() => this.#health.warm(done));
  }

  /** The reload goes through: from here on this group has the say over the servers it shares with its predecessor. */
  takeOver(): void {
    const previous = this.#predecessor;
    this.#predecessor = null;
    this.retryBudget.reconfigure(this.retries);
    this.breaker.caps = this.definition.breaker ?? NO_CAPS;
    if (previous === null) return;
    previous.#successor = previous.#succession;
    this.#succession = previous.#succession;
    this.#succession.latest = this;
    this.#surroundings.timers.remove(previous.#timer);
    previous.#discovery?.stop();
    // The predecessor may have let some of them go, or found some, since this list was made.
    this.#words = new OperatorWords(this.#discovery === null ? null : previous.#words);
    const known = new Set([...previous.endpoints, ...this.#endpoints].filter((endpoint) => !endpoint.isRetired));
    this.#endpoints = this.#listOf(this.#servers, known);
    this.#settle([...known]);
    // While the reload waited for names and checks nobody was sent to those that are new.
    const before = new Set(previous.endpoints);
    for (const endpoint of this.#endpoints)
      if (endpoint.warmth !== 1 && !before.has(endpoint)) this.#slowStart.begin(endpoint, this.nowMs);
    previous.#health.retire();
  }

  /** The reload does not go through: what is the predecessor's stays as it is. */
  abandon(): void {
    this.#discovery?.stop();
    const shared = new Set(this.#predecessor?.endpoints);
    for (const endpoint of this.#endpoints) if (!shared.has(endpoint)) endpoint.retire();
    this.#health.retire();
  }

  /** Something about a server that decides whether it may be picked has changed. */
  onEligibilityChanged(): void {
    this.#isEligibleKnown = false;
    // Not from here: whoever calls is in the middle of something.
    if (this.queue.length > 0 && this.#isInForce()) this.#surroundings.timers.set(this.#timer, 0);
  }

  /** Else those who wait, which groups of one name share, would be given to servers of another configuration. */
  #isInForce(): boolean {
    return this.#predecessor === null && this.#successor === null;
  }

  /** Servers may have come back, or be gone: for those who wait. */
  onTimer(): void {
    this.#findEligible();
    const available = this.#tiers.flatMap((tier) => tier.available);
    this.queue.dismiss(available, (only) => !only.isRetired && tierOf(this.#tiers, only) !== null);
    this.serveWaiting();
  }

  /** Whoever waits gets what places there are. */
  serveWaiting(): void {
    this.#findEligible();
    if (this.#successor !== null) this.#successor.latest.serveWaiting();
    else for (const { available } of this.#tiers) for (const endpoint of available) this.onPlaceFree(endpoint);
  }

  /**
   * The server for the next try of a request; null when there is none. One that was tried already comes only when there
   * is no other (`mayRepeat`: none that has a place), and one that is full only when all others are, too. After a
   * reload it is one of the successor's.
   */
  pick(request: PickRequest, mayRepeat = false): Endpoint | null {
    if (this.#successor !== null) return this.#successor.latest.pick(request, mayRepeat);
    const chosen = this.#choose(request, mayRepeat);
    chosen?.health.onPick();
    return chosen;
  }

  #choose(request: PickRequest, mayRepeat: boolean): Endpoint | null {
    this.#findEligible();
    if (!this.#slowStart.isIdle) this.#slowStart.advance(this.#surroundings.timers.nowMs);
    const { wish } = request;
    const wished = wish === null || wish.server === null ? null : this.#wished(wish, request.tried);
    if (wished !== null || (wish?.strict ?? false)) return wished;
    const kept = this.sticky === null ? null : this.#keptAt(this.sticky, request);
    if (kept !== null) return kept;
    const key = wish?.hashKey ?? (this.#hashPart === null ? "" : hashKeyOf(this.#hashPart, request));
    const tier = drawTier(this.#tiers, this.#random, key);
    if (tier === null) return null;
    if (request.tried.length === 0) {
      const chosen = tier.balancer.choose(tier, key);
      if (chosen !== null && !(tier.hasFull && chosen.isFull)) {
        tier.balancer.commit(tier, chosen);
        return chosen;
      }
    }
    return pickAround(this.#tiers, tier, { tried: request.tried, mayRepeat }, key);
  }

  /** Whom a choice of `endpoint` did not fall on, and why; null: of nobody. For traces, which name a few only. */
  skipped({ tried }: PickRequest, endpoint: Endpoint | null, seenAt: "choice" | "end", isAll = false): TraceSkipped {
    return skippedServers(this.#endpoints, { tiers: this.#tiers, tried, endpoint, seenAt, isAll });
  }

  /** Whether it was the request's cookie that led to `endpoint`. */
  isKept(request: PickRequest, endpoint: Endpoint): boolean {
    return this.sticky?.find(request) === endpoint;
  }

  /** Whether one more try may be made beyond the first ones; the breaker's `endRetry` follows when it is over. */
  takeRetry(): boolean {
    if (!this.breaker.enterRetry()) return false;
    if (this.retryBudget.withdraw(this.#surroundings.timers.nowMs)) return true;
    this.breaker.endRetry();
    return false;
  }

  /** Whether one more request may wait for a place. */
  mayWait(): boolean {
    const { length } = this.queue;
    if (length >= this.breaker.caps.pending) return this.breaker.refuse("pending");
    return length < this.definition.pool.queueMax;
  }

  /** Whether a try at `endpoint` keeps within the cap on connections; idle ones of other servers make room. */
  mayConnect(endpoint: Endpoint): boolean {
    if (this.#successor !== null) return this.#successor.latest.mayConnect(endpoint);
    const max = this.breaker.caps.connections;
    if (max === Number.POSITIVE_INFINITY || !endpoint.connections.needsNew) return true;
    let count = 0;
    for (const each of this.#endpoints) count += each.connections.count;
    if (count < max) return true;
    for (const each of this.#endpoints) if (each.connections.makeRoom()) return true;
    return this.breaker.refuse("connections");
  }

  /** Whether a request may go there now. */
  mayPick(endpoint: Endpoint): boolean {
    if (this.#successor !== null) return !endpoint.isRetired && this.#successor.latest.mayPick(endpoint);
    this.#findEligible();
    return tierOf(this.#tiers, endpoint) !== null;
  }

  /** Picked, but it was not asked: nothing can be said of it. */
  putBack(endpoint: Endpoint, trial = endpoint.health.trial): void {
    this.report(endpoint, "abandoned", -1, trial);
  }

  /** A request that had waited goes to `endpoint`, without a pick. */
  onPlaceTaken(endpoint: Endpoint): void {
    endpoint.health.onPick();
  }

  onPlaceFree(endpoint: Endpoint): void {
    if (this.queue.length === 0 || !this.#isInForce()) return;
    this.#findEligible();
    // Who still waits at a group that is gone is served by what it had.
    if ((endpoint.isRetired && !this.#isRetired) || tierOf(this.#tiers, endpoint) === null) return;
    // One that is drained has places only for who is there already, and one on trial takes one request.
    this.queue.serve(endpoint, endpoint.connections, () => this.#isAvailable(endpoint));
  }

  /**
   * The Set-Cookie line for a response of `endpoint`; null when the client has it already, or comes back to a server
   * that is only full.
   */
  stickyCookie(request: PickRequest & { readonly scheme: string }, endpoint: Endpoint): string | null {
    const sticky = this.sticky;
    if (sticky === null) return null;
    const had = sticky.find(request);
    const comesBack = had !== null && !request.tried.includes(had) && tierOf(this.#tiers, had) !== null;
    return had === endpoint || comesBack ? null : sticky.cookieFor(endpoint, request.scheme === "https");
  }

  /** Whether anybody here wants to know how long servers take: else nobody looks at the clock for it. */
  get wantsLatency(): boolean {
    return this.#balancer.wantsLatency;
  }

  /**
   * How a try ended, exactly once for each, as far as it says something about the server. `latencyMs` is from the
   * request sent to the head of the response; -1 when there was none, or nobody wanted it.
   */
  report(endpoint: Endpoint, outcome: Outcome, latencyMs: number, trial = endpoint.health.trial): void {
    endpoint.health.report(outcome, trial);
    if (outcome === "abandoned") return;
    // A server that fails fast isn't fast: it would draw everybody's requests.
    const countedMs = outcome === "success" ? latencyMs : Math.max(latencyMs, FAILED_MS);
    if (countedMs >= 0) this.#balancer.observe(endpoint, countedMs);
  }

  /** Whether there is such a server. */
  setServerState(label: string, state: AdminState): boolean {
    for (const server of this.#servers) if (isCalled(server, label)) this.#words.keep(server, state);
    return this.#health.setState(label, state);
  }

  /** Calls `done` when every name of its servers was asked for once, maybe at once. */
  whenDiscovered(done: () => void): void {
    if (this.#discovery === null) done();
    else this.#discovery.whenKnown(done);
  }

  /** No request comes any more that was not here before. */
  retire(): void {
    this.#isRetired = true;
    this.#discovery?.stop();
    this.#health.retire();
    this.breaker.retire();
    this.#surroundings.timers.remove(this.#timer);
    for (const endpoint of this.#endpoints) endpoint.retire();
  }

  #listOf(servers: readonly ServerDefinition[], known: ReadonlySet<Endpoint>): Endpoint[] {
    const isStart = this.#isStarting || known.size === 0;
    // Those that stay know themselves what was said of them.
    for (const server of servers) this.#words.find(server);
    return endpointList(servers, known, (server) => {
      const joined = new Endpoint(server, this.definition.pool, this.#surroundings);
      this.#words.repeat(server, joined.health);
      if (!isStart) this.#slowStart.begin(joined, this.#surroundings.timers.nowMs);
      return joined;
    });
  }

  /** Of `ours`, those in the list go by their definition, the others are retired. */
  #settle(ours: readonly Endpoint[]): void {
    const gone = new Set(ours);
    for (const [place, endpoint] of this.#endpoints.entries())
      if (gone.delete(endpoint)) endpoint.reconfigure(this.#servers[place]!, this.definition.pool);
    for (const endpoint of gone) endpoint.retire();
    this.#slowStart.follow(this.#endpoints);
    if (!areOf(this.#tiers, this.#endpoints)) this.#tiers = tiersOf(this.#endpoints, this.#createBalancer);
    this.sticky?.follow(this.#endpoints);
    const shared = new Set(this.#predecessor?.endpoints);
    for (const endpoint of this.#endpoints) if (!shared.has(endpoint)) endpoint.seekers = this;
    this.#health.follow(this.#endpoints, shared);
    this.onEligibilityChanged();
  }

  #discover(): Discovery | null {
    const { name, sources } = this.definition;
    if (sources === undefined) return null;
    const { discovery } = this.#surroundings;
    if (discovery === undefined) throw new Error(`upstream ${name}: nobody is here to find its servers`);
    const previous = this.#predecessor === null ? null : this.#predecessor.#discovery;
    return new Discovery({ name, sources }, discovery, (servers) => this.setServers(servers), previous);
  }

  /** Anew where something has changed. A group that is retired hears of no change. */
  #findEligible(): void {
    if (this.#isEligibleKnown && !this.#health.isRetired) return;
    const eligible = this.#health.eligible();
    if (!areOf(this.#tiers, this.#endpoints)) this.#tiers = tiersOf(this.#endpoints, this.#createBalancer);
    for (const tier of this.#tiers) tier.setAvailable(eligible);
    shareOut(this.#tiers);
    this.#slowStart.beginReady(this.#endpoints);
    this.#isEligibleKnown = true;
  }

  /** The server of the request's cookie, if the request may go there now. */
  #keptAt(sticky: Sticky, request: PickRequest): Endpoint | null {
    const endpoint = sticky.find(request);
    if (endpoint === null || request.tried.includes(endpoint) || endpoint.isFull) return null;
    const tier = tierOf(this.#tiers, endpoint);
    if (tier === null) return null;
    tier.balancer.commit(tier, endpoint);
    return endpoint;
  }

  /** The server that code has asked for, if the request may go there now. */
  #wished({ server, strict }: PickWish, tried: readonly Endpoint[]): Endpoint | null {
    const endpoint = this.#endpoints.find(({ label }) => label === server);
    if (endpoint === undefined) return pickCalled(this.#tiers, server!, { tried, mayRepeat: strict });
    return (tried.includes(endpoint) && !strict) || !this.mayPick(endpoint) ? null : endpoint;
  }

  #isAvailable(endpoint: Endpoint): boolean {
    this.#findEligible();
    return this.#tiers.some((tier) => tier.rank === endpoint.tier && tier.isAvailable(endpoint));
  }
}
