/**
 * Where a request would go, and why: by the very functions that requests go through, on a proxy that is never started.
 * Hooks are named, not run.
 */

import type { ClientSide as ClientSideOf } from "../exchange/client-side.ts";
import { ClientSide } from "../exchange/client-side.ts";
import type { RoutePlan } from "../exchange/deployment.ts";
import type { Engine } from "../exchange/engine.ts";
import { findRoute } from "../exchange/find-route.ts";
import { findTarget } from "../exchange/find-target.ts";
import { forwardRequest, isLooping } from "../exchange/forward.ts";
import { RequestView } from "../exchange/request-view.ts";
import { answerOf } from "../exchange/respond.ts";
import type { Snapshot } from "../exchange/snapshot.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { parseRequestHead } from "../h1/parse-head.ts";
import { writeRequestHead } from "../h1/write-head.ts";
import { RequestHead } from "../http/message.ts";
import { checkRequest } from "../http/request-rules.ts";
import { createProxy } from "../proxy.ts";
import { NO_EDITS } from "../script/check-edits.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import type { Group } from "../upstream/group.ts";
import { type EffectiveNumber, limitsOf, timeoutsOf } from "./effective-numbers.ts";
import { describeHooks, type ExplainedHook } from "./explained-hooks.ts";
import { MUTE_RUNTIME } from "./mute-runtime.ts";
import { DEFAULT_CLIENT, type HeaderFields, headOfRequest, parseRequestLine } from "./request-line.ts";
import { type RejectedRoute, rejectedRoutes } from "./route-reasons.ts";

/** A request that is not sent. */
export interface AskedRequest {
  /** `GET https://a.example/x` */
  readonly line: string;
  readonly fields: HeaderFields;
  /** The address it comes from; default `192.0.2.1`. */
  readonly client?: string | undefined;
  /** By its name, or else its address as configured; default: the first. */
  readonly listener?: string | undefined;
}

/** Where a request would go, and why. */
export interface Explanation {
  readonly request: string;
  readonly client: string;
  readonly listener: string;
  /** Null: it gets as far as its route says. */
  readonly refused: { readonly code: string; readonly status: number; readonly reason: string } | null;
  /** Null: none was found. */
  readonly route: { readonly id: string; readonly place: number; readonly of: number; readonly action: string } | null;
  readonly rejected: readonly RejectedRoute[];
  /** Null: nothing goes to a server, or code decides where. */
  readonly upstream: ExplainedUpstream | null;
  /** Null: the request goes to no server. */
  readonly sent: { readonly line: string; readonly fields: readonly string[]; readonly isRewritten: boolean } | null;
  /** What is answered without a server: status and `Location`; null: a server or program answers. */
  readonly answer: string | null;
  readonly timeouts: readonly EffectiveNumber[];
  readonly limits: readonly EffectiveNumber[];
  /** In the order they would run. */
  readonly hooks: readonly ExplainedHook[];
}

export interface ExplainedUpstream {
  readonly name: string;
  readonly balance: string;
  /** The one that comes first; null: none may be asked. */
  readonly chosen: string | null;
  /** Why that one: the balancer, or a sticky cookie. */
  readonly chosenBy: string;
  readonly servers: readonly ExplainedServer[];
  /** Servers that are found by DNS or in files are not looked for. */
  readonly isIncomplete: boolean;
  readonly attemptsMax: number;
  readonly retriesOn: readonly string[];
}

export interface ExplainedServer {
  readonly server: string;
  readonly weight: number;
  /** As configured: nothing was checked. */
  readonly state: string;
  /** Why the choice passed it over; `""`: it did not, or by the balancer's preference. */
  readonly skipped: string;
}

/** Throws `NoRequest`, a TypeError, when what was asked is no request at all. */
export function explain(snapshot: Snapshot, asked: AskedRequest): Explanation {
  const line = parseRequestLine(asked.line);
  const bytes = headOfRequest(line, asked.fields);
  const client = asked.client ?? DEFAULT_CLIENT;
  const listener = asked.listener ?? snapshot.listeners[0]?.name ?? "";
  // Never started: nothing listens, connects or ticks.
  const engine = createProxy({ runtime: MUTE_RUNTIME, snapshot }) as unknown as Engine;
  const side = new ClientSide(MUTE_CONNECTION, muteSocket(client, line.scheme), listener);
  const head = new RequestHead();
  const request = new ExplainedRequest(engine, side, head);
  const parsed = parseRequestHead(head, bytes, 0, bytes.length, engine.deployment.requestBounds);
  const checked = parsed > 0 ? checkRequest(head, line.scheme) : parsed;
  const refusal = checked < 0 ? fault.clientRefusal(checked) : isLooping(head) ? fault.LOOP : null;
  const found = refusal ?? findRoute(request);
  const reading = "reading" in found ? found.reading : null;
  const target = "reading" in found ? findTarget(request, reading) : null;
  const failed = "reading" in found ? (target === null ? fault.clientRefusal(-fault.BAD_PATH) : null) : found;
  const isRouted = refusal === null;
  return {
    request: `${line.method} ${line.scheme}://${line.authority}${line.target}`,
    client,
    listener,
    refused: failed === null ? null : refusedBy(failed),
    ...describe(request, failed === null ? (target?.target ?? null) : null, failed === null),
    rejected: isRouted ? rejectedRoutes(snapshot.table, request.routeId, request) : [],
  };
}

class ExplainedRequest extends RequestView {
  readonly tried: readonly Endpoint[] = [];
}

type Described = Omit<Explanation, "request" | "client" | "listener" | "refused" | "rejected">;

function describe(request: ExplainedRequest, target: string | null, goesOn: boolean): Described {
  const { match, plan, deployment } = request;
  const { snapshot } = deployment;
  const hooks = describeHooks(deployment.hooks, plan?.hooks ?? null);
  if (match === null || plan === null)
    return { route: null, upstream: null, sent: null, answer: null, timeouts: [], limits: [], hooks };
  const { route } = match;
  const place = snapshot.table.routes.indexOf(route) + 1;
  const { group } = plan;
  const upstream = goesOn && group !== null ? describeUpstream(request, group) : null;
  if (upstream !== null) request.server = upstream.chosen ?? "";
  return {
    route: { id: route.id, place, of: snapshot.table.routes.length, action: actionText(plan, route.action.kind) },
    upstream,
    sent: goesOn && (group !== null || route.action.kind === "target") ? describeSent(request, target) : null,
    answer: goesOn ? answerText(request, route.action.kind) : null,
    timeouts: timeoutsOf(route, plan, snapshot),
    limits: limitsOf(route, plan, snapshot),
    hooks,
  };
}

function actionText({ group }: RoutePlan, kind: string): string {
  if (group !== null) return `upstream ${group.definition.name}`;
  if (kind === "target") return "decided by a function";
  return kind === "mount" ? "answered by a program" : kind;
}

function answerText(request: ExplainedRequest, kind: string): string | null {
  if (kind !== "redirect" && kind !== "respond") return null;
  const { status, fields } = answerOf(request);
  return [String(status), ...fields.map(([name, value]) => `${name}: ${value}`)].join(", ");
}

function describeUpstream(request: ExplainedRequest, group: Group): ExplainedUpstream {
  const { name, balance, sources } = group.definition;
  const chosen = group.pick(request);
  const { servers } = group.skipped(request, chosen, "choice");
  const reasons = new Map(
    servers.map(({ server, reason, detail }) => [server, detail === "" ? reason : `${reason}: ${detail}`]),
  );
  const { attemptsMax, reasons: on, statuses } = group.retries;
  return {
    name,
    balance: typeof balance === "string" ? balance : `hash of ${partText(balance.part)}`,
    chosen: chosen?.label ?? null,
    chosenBy: chosen !== null && group.isKept(request, chosen) ? "sticky cookie" : "balance",
    servers: group.endpoints.map(({ label, weight, health }) => ({
      server: label,
      weight,
      state: health.state,
      skipped: reasons.get(label) ?? "",
    })),
    isIncomplete: sources !== undefined,
    attemptsMax,
    retriesOn: [...on, ...statuses.map(String)],
  };
}

function partText(part: { readonly kind: string; readonly name?: string }): string {
  return part.name === undefined ? part.kind : `${part.kind} ${part.name}`;
}

function describeSent(request: ExplainedRequest, target: string | null): Explanation["sent"] {
  const outgoing = forwardRequest(request, target, NO_EDITS);
  const pieces: string[] = [];
  const decode = (bytes: Uint8Array, start: number, end: number) =>
    void pieces.push(String.fromCharCode(...bytes.subarray(start, end)));
  const outbox = { text: (text: string) => void pieces.push(text), copy: decode };
  writeRequestHead(outbox as unknown as Parameters<typeof writeRequestHead>[0], outgoing, request.head);
  const [line = "", ...fields] = pieces
    .join("")
    .split("\r\n")
    .filter((each) => each !== "");
  return { line, fields, isRewritten: target !== null };
}

function refusedBy({ code, status, reason }: Fault): NonNullable<Explanation["refused"]> {
  return { code, status, reason };
}

const MUTE_CONNECTION = { goBy() {}, isClosed: false } as unknown as ConstructorParameters<typeof ClientSideOf>[0];

function muteSocket(client: string, scheme: "http" | "https"): ConstructorParameters<typeof ClientSideOf>[1] {
  const peer = client === "unix" ? { kind: "unix", path: "" } : { kind: "tcp", host: client, port: 0 };
  return { peer, tls: scheme === "https" ? {} : null } as unknown as ConstructorParameters<typeof ClientSideOf>[1];
}
