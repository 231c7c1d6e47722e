/** The upstream of a request that is explained: who may be asked, who comes first, and how certain that is. */

import { mayHedge, type SlowRequest } from "../exchange/retry.ts";
import { cookieValue } from "../http/cookie.ts";
import type { SkippedServer } from "../observe/trace.ts";
import type { HashDefinition } from "../upstream/definition.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import type { PickRequest } from "../upstream/pick-request.ts";
import { finite } from "./effective-numbers.ts";
import type { MuteRuntime } from "./mute-runtime.ts";
import { rulesOf, type UpstreamRules } from "./upstream-rules.ts";

export interface ExplainedUpstream {
  readonly name: string;
  readonly balance: string;
  /** The one that comes first; null: none may be asked. */
  readonly chosen: string | null;
  /** Why that one: the balancer, or a sticky cookie. */
  readonly chosenBy: string;
  /** It is drawn by lot: the next request like this one may go to another. */
  readonly isByChance: boolean;
  /** Null: clients are not kept at a server by a cookie. */
  readonly sticky: ExplainedSticky | null;
  readonly servers: readonly ExplainedServer[];
  /** Servers that are found by DNS or in files are not looked for. */
  readonly isIncomplete: boolean;
  readonly attemptsMax: number;
  /** After what a further try may follow this very request. */
  readonly retriesOn: readonly string[];
  /** It may be done twice; else a further try follows only when nothing was sent. */
  readonly isRepeatable: boolean;
  /** Its body, if there is one, is kept for a further try; else the same holds. */
  readonly isReplayable: boolean;
  /** What decides while the proxy runs where requests like this one go, as configured. */
  readonly rules: UpstreamRules;
}

export interface ExplainedServer {
  readonly server: string;
  readonly weight: number;
  /** Null: as many as come. */
  readonly maxConnections: number | null;
  /** As configured: nothing was checked. */
  readonly state: string;
  /** Why no draw falls on it; `""`: it may be chosen, or the balancer prefers another. */
  readonly skipped: string;
}

export interface ExplainedSticky {
  /** Its name. */
  readonly cookie: string;
  /** What the request's cookie is: `none`, `unchecked` where nobody checks signatures, `bad` (counts as none), or `good`. */
  readonly state: "none" | "unchecked" | "bad" | "good";
  /** The server that a good one names. */
  readonly server: string | null;
}

export interface UpstreamTools {
  readonly runtime: MuteRuntime;
  /** Whether signatures of cookies are real. */
  readonly isSigning: boolean;
}

/** What is asked about a request whose tries are only thought of. */
export interface ImaginedRequest extends PickRequest, SlowRequest {
  tried: readonly Endpoint[];
  readonly isRepeatable: boolean;
}

/** Leaves the group as it was. */
export function describeUpstream(
  request: ImaginedRequest,
  group: Group,
  { runtime, isSigning }: UpstreamTools,
): ExplainedUpstream {
  const { name, balance, sources } = group.definition;
  const { draws } = runtime;
  const chosen = pick(group, request);
  const isDrawn = runtime.draws > draws;
  const otherwise = isDrawn ? pickOtherwise(group, request, runtime) : chosen;
  const reasons = reasonsOf(group, request, chosen, otherwise);
  const { isRepeatable, isReplayable } = request;
  // Where somebody else may be found meanwhile nobody can say that there is none.
  const mayGoElsewhere = sources !== undefined || hasOther(group, request, chosen);
  const { attemptsMax } = group.retries;
  const retriesOn = retriesOf(group, request, mayGoElsewhere);
  const isTriedAgain =
    (attemptsMax > 0 && retriesOn.length > 0) || (Number.isFinite(group.hedgeAfterMs) && mayHedge(request));
  return {
    name,
    balance: typeof balance === "string" ? balance : hashText(balance),
    chosen: chosen?.label ?? null,
    chosenBy: chosen !== null && isSigning && group.sticky?.find(request) === chosen ? "sticky cookie" : "balance",
    isByChance: isDrawn && (hasRival(group, chosen, reasons) || otherwise !== chosen),
    sticky: describeSticky(group, request, isSigning),
    servers: group.endpoints.map(({ label, weight, health, connectionsMax }) => ({
      server: label,
      weight,
      maxConnections: finite(connectionsMax),
      state: health.state,
      skipped: skipText(reasons.get(label)),
    })),
    isIncomplete: sources !== undefined,
    attemptsMax,
    retriesOn,
    isRepeatable,
    isReplayable,
    rules: rulesOf(group.definition, isTriedAgain),
  };
}

/** After a connect that failed the same server is not asked again. */
function retriesOf({ retries }: Group, request: ImaginedRequest, mayGoElsewhere: boolean): string[] {
  const { reasons, statuses } = retries;
  const maySendAgain = request.isRepeatable && request.isReplayable;
  const on = reasons.filter((reason) => (reason === "connect" ? mayGoElsewhere : maySendAgain));
  return maySendAgain ? [...on, ...statuses.map(String)] : on;
}

/** Whether another server would be asked when the first one has failed. */
function hasOther(group: Group, request: ImaginedRequest, chosen: Endpoint | null): boolean {
  if (chosen === null) return false;
  request.tried = [chosen];
  const other = pick(group, request);
  request.tried = [];
  return other !== null && other !== chosen;
}

/** Picks as for a request, and gives the turns back that it took. */
function pick(group: Group, request: PickRequest): Endpoint | null {
  const turns = group.endpoints.map(({ turn }) => turn);
  const chosen = group.pick(request);
  for (const [place, endpoint] of group.endpoints.entries()) endpoint.turn = turns[place]!;
  return chosen;
}

/** What the other end of chance leads to: another priority, where that is drawn, too. */
function pickOtherwise(group: Group, request: PickRequest, runtime: MuteRuntime): Endpoint | null {
  runtime.nextDraw = ALMOST_ONE;
  const other = pick(group, request);
  runtime.nextDraw = 0;
  return other;
}

const ALMOST_ONE = 1 - Number.EPSILON;

/** Whom the choice passed over, however chance falls: another draw may lead to a lower priority. */
function reasonsOf(group: Group, request: PickRequest, chosen: Endpoint | null, otherwise: Endpoint | null) {
  const { servers } = group.skipped(request, chosen, "choice", true);
  const others = group.skipped(request, otherwise, "choice", true).servers;
  const always = new Set(others.map(({ server }) => server));
  const isSkipped = ({ server, reason }: SkippedServer) => reason !== "lower-priority" || always.has(server);
  return new Map(servers.filter(isSkipped).map((skip) => [skip.server, skip]));
}

/** Whether somebody else was among those that were drawn from. */
function hasRival(group: Group, chosen: Endpoint | null, skipped: ReadonlyMap<string, { readonly reason: string }>) {
  return group.endpoints.some((endpoint) => {
    const reason = skipped.get(endpoint.label)?.reason;
    return endpoint !== chosen && (reason === undefined || reason === "slow-start");
  });
}

function describeSticky(group: Group, request: PickRequest, isSigning: boolean): ExplainedSticky | null {
  const { sticky } = group;
  if (sticky === null) return null;
  const { cookie } = sticky;
  if (cookieValue(request.header("cookie"), cookie) === null) return { cookie, state: "none", server: null };
  if (!isSigning) return { cookie, state: "unchecked", server: null };
  const server = sticky.find(request)?.label ?? null;
  return { cookie, state: server === null ? "bad" : "good", server };
}

function skipText(skip: { readonly reason: string; readonly detail: string } | undefined): string {
  if (skip === undefined) return "";
  return skip.detail === "" ? skip.reason : `${skip.reason}: ${skip.detail}`;
}

/** Another method or bound moves keys, whatever this request's server is. */
function hashText({ part, method, boundedLoad }: HashDefinition): string {
  const what = "name" in part ? `${part.kind} ${part.name}` : part.kind;
  return `hash of ${what} (${method}${boundedLoad === null ? "" : `, bounded load ${boundedLoad}`})`;
}
