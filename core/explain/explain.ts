/**
 * Where a request would go, and why: by the very functions that requests go through, on a proxy that is never started.
 * Hooks are named, not run.
 */

import { ClientSide } from "../exchange/client-side.ts";
import type { RoutePlan } from "../exchange/deployment.ts";
import type { Engine } from "../exchange/engine.ts";
import { type FoundRoute, findRoute, PATH_REFUSED } from "../exchange/find-route.ts";
import { type FoundTarget, findTarget } from "../exchange/find-target.ts";
import { forwardRequest, isLooping } from "../exchange/forward.ts";
import { RequestView } from "../exchange/request-view.ts";
import { answerOf, NO_UPGRADE, sentBytesOf } from "../exchange/respond.ts";
import { mayHedge } from "../exchange/retry.ts";
import type { Snapshot } from "../exchange/snapshot.ts";
import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { parseRequestHead } from "../h1/parse-head.ts";
import { type HeadTaker, writeRequestHead } from "../h1/write-head.ts";
import { canonicalAddress } from "../http/address-block.ts";
import { BODY_LENGTH, BODY_NONE, RequestHead } from "../http/message.ts";
import { checkRequest } from "../http/request-rules.ts";
import { createProxy } from "../proxy.ts";
import type { Route } from "../route/compile-route.ts";
import type { Runtime } from "../runtime.ts";
import { NO_EDITS } from "../script/check-edits.ts";
import type { Endpoint } from "../upstream/endpoint.ts";
import { type EffectiveNumber, limitsOf, timeoutsOf } from "./effective-numbers.ts";
import { describeHooks, type ExplainedHook, type Reach } from "./explained-hooks.ts";
import { describeUpstream, type ExplainedUpstream, type UpstreamTools } from "./explained-upstream.ts";
import { createMuteRuntime } from "./mute-runtime.ts";
import { whyNotRouted } from "./path-readings.ts";
import {
  DEFAULT_CLIENT,
  type HeaderFields,
  headOfRequest,
  parseRequestLine,
  type RequestLine,
} from "./request-line.ts";
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
  readonly refused: {
    readonly code: string;
    readonly status: number;
    readonly reason: string;
    /** Of a path: in which ways it can be read, and where they lead; else `""`. */
    readonly detail: string;
  } | null;
  /** Null: none was found. */
  readonly route: { readonly id: string; readonly place: number; readonly of: number; readonly action: string } | null;
  readonly rejected: readonly RejectedRoute[];
  /** Null: nothing goes to a server, or code decides where. */
  readonly upstream: ExplainedUpstream | null;
  /** Null: the request goes to no server. */
  readonly sent: { readonly line: string; readonly fields: readonly string[]; readonly isRewritten: boolean } | null;
  /** What is answered without a server: status and fields; null: a server or program answers. */
  readonly answer: string | null;
  /** Body and type of such an answer; `""` for none. */
  readonly body: string;
  readonly contentType: string;
  /** What the route does to the fields of a response that is not the proxy's own: `set Server: x`, as configured. */
  readonly responseEdits: readonly string[];
  readonly timeouts: readonly EffectiveNumber[];
  readonly limits: readonly EffectiveNumber[];
  /** In the order they would run. */
  readonly hooks: readonly ExplainedHook[];
}

/** What an explanation may use and leave out. */
export interface ExplainTools {
  /** Checks the signatures of sticky cookies, which otherwise nobody does. */
  readonly hmacSha256?: Runtime["hmacSha256"];
  /** Whether to say why the other routes were not taken, which costs the most; default: yes. */
  readonly withRejected?: boolean;
}

/** Throws `NoRequest`, a TypeError, when what was asked is no request at all. */
export function explain(snapshot: Snapshot, asked: AskedRequest, tools: ExplainTools = {}): Explanation {
  return new Explainer(snapshot, tools).explain(asked);
}

/** Explains many requests, each as if it were the first. */
export class Explainer {
  readonly #snapshot: Snapshot;
  readonly #withRejected: boolean;
  readonly #tools: UpstreamTools;
  readonly #engine: Engine;

  constructor(snapshot: Snapshot, { hmacSha256, withRejected = true }: ExplainTools = {}) {
    const runtime = createMuteRuntime(hmacSha256);
    this.#snapshot = snapshot;
    this.#withRejected = withRejected;
    this.#tools = { runtime, isSigning: hmacSha256 !== undefined };
    // Never started: nothing listens, connects or ticks.
    this.#engine = createProxy({ runtime, snapshot }) as unknown as Engine;
  }

  explain(asked: AskedRequest): Explanation {
    const line = parseRequestLine(asked.line);
    const bytes = headOfRequest(line, asked.fields);
    const { table, listeners } = this.#snapshot;
    const given = asked.client ?? DEFAULT_CLIENT;
    // As a socket would tell it: it is hashed, and sent, as text.
    const client = canonicalAddress(given) ?? given;
    const listener = asked.listener ?? listeners[0]?.name ?? "";
    const side = new ClientSide(MUTE_CONNECTION, muteSocket(client), listener);
    const head = new RequestHead();
    const request = new ExplainedRequest(this.#engine, side, head);
    const parsed = parseRequestHead(head, bytes, 0, bytes.length, this.#engine.deployment.requestBounds);
    const checked = parsed > 0 ? checkRequest(head, side.scheme) : parsed;
    const refusal = checked < 0 ? fault.clientRefusal(checked) : isLooping(head) ? fault.LOOP : null;
    const found = refusal ?? findRoute(request);
    const target = "reading" in found ? findTarget(request, found.reading) : null;
    const failed = "reading" in found ? (target === null ? PATH_REFUSED : null) : found;
    const isRouted = refusal === null && this.#withRejected;
    const described = describe(request, target, this.#tools);
    const reach = checked < 0 ? "parser" : refusal !== null ? "door" : reachOf(found, failed, request, described);
    return {
      request: requestText(line),
      client,
      listener,
      refused: failed === null ? null : refusedBy(failed, detailOf(found, failed, request)),
      ...described,
      hooks: describeHooks(request.deployment.hooks, request.plan?.hooks ?? null, reach, head.body !== BODY_NONE),
      rejected: isRouted ? rejectedRoutes(table, request.routeId, request) : [],
    };
  }
}

/** Of a request that came as far as routes. */
function reachOf(
  found: Fault | FoundRoute,
  failed: Fault | null,
  { match }: ExplainedRequest,
  { upstream }: Described,
): Reach {
  if (!("reading" in found) || match === null) return "search";
  const { kind } = match.route.action;
  if (failed !== null || (kind !== "upstream" && kind !== "target")) return "route";
  return upstream?.chosen === null && !upstream.isIncomplete ? "choice" : "server";
}

/** As it could be asked again. */
function requestText({ method, scheme, authority, target }: RequestLine): string {
  return `${method} ${target === "*" ? `* at ${scheme}://${authority}` : `${scheme}://${authority}${target}`}`;
}

/** What more there is to say of a path that is refused. */
function detailOf(found: Fault | FoundRoute, failed: Fault, request: ExplainedRequest): string {
  if ("reading" in found) return "the route makes a path of it that may not be sent";
  return failed === PATH_REFUSED ? whyNotRouted(request.deployment.snapshot.table, request) : "";
}

class ExplainedRequest extends RequestView {
  tried: readonly Endpoint[] = [];
  readonly hasForwarded = false;

  /** As far as the head tells: a chunked body may turn out to be too large. What hooks make of one is not kept. */
  get isReplayable(): boolean {
    const { body, bodyLength } = this.head;
    if (body === BODY_NONE) return true;
    const { limits, hooks } = this.plan!;
    if (limits.replayBytesMax === 0 || (hooks !== null && hooks.transformRequestBody.length > 0)) return false;
    return body !== BODY_LENGTH || bodyLength <= limits.replayBytesMax;
  }
}

type Described = Omit<Explanation, "request" | "client" | "listener" | "refused" | "rejected" | "hooks">;

/** `target` is null when the request is refused. */
function describe(request: ExplainedRequest, target: FoundTarget | null, tools: UpstreamTools): Described {
  const { match, plan, deployment } = request;
  const { snapshot } = deployment;
  if (match === null || plan === null)
    return { route: null, upstream: null, sent: null, ...NO_ANSWER, responseEdits: [], timeouts: [], limits: [] };
  const { route } = match;
  const place = snapshot.table.routes.indexOf(route) + 1;
  const { group } = plan;
  const upstream = target !== null && group !== null ? describeUpstream(request, group, tools) : null;
  if (upstream !== null) request.server = upstream.chosen ?? "";
  return {
    route: { id: route.id, place, of: snapshot.table.routes.length, action: actionText(plan, route.action.kind) },
    upstream,
    sent: target !== null && (group !== null || route.action.kind === "target") ? describeSent(request, target) : null,
    ...(target !== null ? describeAnswer(request, route.action.kind) : NO_ANSWER),
    responseEdits: target !== null ? editsText(route) : [],
    timeouts: timeoutsOf(route, plan, snapshot).filter(({ name }) => name !== "hedge" || mayHedge(request)),
    limits: limitsOf(plan, snapshot),
  };
}

function actionText({ group }: RoutePlan, kind: string): string {
  if (group !== null) return `upstream ${group.definition.name}`;
  if (kind === "target") return "decided by a function";
  return kind === "mount" ? "answered by a program" : kind;
}

const NO_ANSWER = { answer: null, body: "", contentType: "" };

function describeAnswer(request: ExplainedRequest, kind: string): Pick<Explanation, "answer" | "body" | "contentType"> {
  const isOwn = kind === "redirect" || kind === "respond";
  if (!isOwn && !(kind === "mount" && request.asksUpgrade)) return NO_ANSWER;
  const own = isOwn ? answerOf(request) : NO_UPGRADE;
  const { status, contentType, fields } = own;
  const answer = [String(status), ...fields.map(([name, value]) => `${name}: ${value}`)].join(", ");
  const body = sentBytesOf(own, request.head.method) === 0 ? "" : new TextDecoder().decode(own.body);
  return { answer, body, contentType };
}

function editsText({ action, definition }: Route): string[] {
  if (action.kind === "redirect" || action.kind === "respond") return [];
  const { set, add, remove } = definition.responseFields;
  return [
    ...remove.map((name) => `remove ${name}`),
    ...set.map(({ name, value }) => `set ${name}: ${value}`),
    ...add.map(({ name, value }) => `add ${name}: ${value}`),
  ];
}

function describeSent(request: ExplainedRequest, { target }: FoundTarget): Explanation["sent"] {
  const outgoing = forwardRequest(request, target, NO_EDITS);
  const pieces: string[] = [];
  const decode = (bytes: Uint8Array, start: number, end: number) =>
    void pieces.push(String.fromCharCode(...bytes.subarray(start, end)));
  const taker: HeadTaker = {
    text: (text) => void pieces.push(text),
    copy: decode,
    block(writer) {
      const bytes = new Uint8Array(writer.length);
      decode(bytes, 0, writer.writeTo(bytes, 0));
    },
  };
  writeRequestHead(taker, outgoing, request.head);
  const [line = "", ...fields] = pieces
    .join("")
    .split("\r\n")
    .filter((each) => each !== "");
  return { line, fields, isRewritten: target !== null };
}

function refusedBy({ code, status, reason }: Fault, detail: string): NonNullable<Explanation["refused"]> {
  return { code, status, reason, detail };
}

const MUTE_CONNECTION = { goBy() {}, isClosed: false } as unknown as ConstructorParameters<typeof ClientSide>[0];

/** Without TLS, which no listener has: `https:` is what the one in front was asked for. */
function muteSocket(client: string): ConstructorParameters<typeof ClientSide>[1] {
  const peer = client === "unix" ? { kind: "unix", path: "" } : { kind: "tcp", host: client, port: 0 };
  return { peer, tls: null } as unknown as ConstructorParameters<typeof ClientSide>[1];
}
