/**
 * A client that is no connection: a hook that asks one of the upstreams. Its request is written and read as if it had
 * come over the wire, so that the same rules hold; of its response nothing is framed.
 */

import { bytesOf, copyOf } from "../bytes/text.ts";
import * as fault from "../fault.ts";
import { parseRequestHead } from "../h1/parse-head.ts";
import { RequestHead } from "../http/message.ts";
import type { OutgoingHead } from "../http/outgoing.ts";
import { checkRequest } from "../http/request-rules.ts";
import type { ClientWriter, RequestHandler } from "../http/wire.ts";
import type { Observer } from "../observe/events.ts";
import type { HookContext } from "../script/hooks.ts";
import { saysItsLength } from "../script/make-request.ts";
import {
  type InnerCall,
  type InnerClientOwner,
  type InnerRequest,
  type OpenInner,
  upstreamFetch,
} from "../script/upstream-fetch.ts";
import { ClientSide } from "./client-side.ts";
import type { Deployment } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import { Exchange } from "./exchange.ts";
import { innerDeployment } from "./inner-deployment.ts";
import { RequestChanges } from "./request-changes.ts";

/** Of upstreams, for whoever has named none of them. */
const NAMES_SHOWN_MAX = 20;

/** `context.fetch` for hooks of this proxy. */
export function innerFetch(engine: Engine): HookContext["fetch"] {
  return upstreamFetch(opener(engine), {
    timers: engine.timers,
    now: () => engine.runtime.now(),
    reportDefect: (error) => engine.reportDefect(error),
    get bodyIdleMs() {
      return engine.deployment.snapshot.timeouts.requestBodyIdleMs;
    },
  });
}

function opener(engine: Engine): OpenInner {
  return (request, owner) => {
    if (engine.hooks.background.isOver) throw new TypeError("context.fetch: the proxy has stopped");
    const deployment = innerDeployment(engine.deployment, request.upstream);
    if (deployment === null) {
      const names = [...engine.deployment.groups.keys()].slice(0, NAMES_SHOWN_MAX).join(", ");
      const known = names === "" ? "there is none" : `there are ${names}`;
      throw new TypeError(`context.fetch: no upstream is called ${JSON.stringify(request.upstream)}; ${known}`);
    }
    return new InnerClient(innerEngine(engine, deployment), request, owner);
  };
}

class InnerClient implements ClientWriter, InnerCall {
  readonly #owner: InnerClientOwner;
  readonly #client: ClientSide;
  readonly #handler: RequestHandler;
  readonly #hasBody: boolean;
  readonly sendIdleMs: number;
  /** All of this proxy, to be cut when it stops. */
  readonly #underWay: Set<{ cut(): void }>;
  isClosed = false;
  #isHeld = false;

  constructor(engine: Engine, request: InnerRequest, owner: InnerClientOwner) {
    const { snapshot } = engine.deployment;
    this.#client = new ClientSide(this, { peer: { kind: "unix", path: "" }, tls: null }, "context.fetch");
    this.#owner = owner;
    this.#underWay = engine.hooks.background.requests;
    this.#hasBody = request.length !== null;
    this.sendIdleMs = snapshot.timeouts.sendIdleMs;
    const exchange = new Exchange(engine, this.#client, headOf(request, engine.deployment));
    exchange.changes = clientAsSaid(request);
    this.#handler = exchange;
  }

  // ── from the hook ──────────────────────────────────────────────────────────────────────────────────────────

  begin(): void {
    this.#underWay.add(this);
    this.#handler.begin();
    if (!this.#hasBody) this.complete();
  }

  piece(bytes: Uint8Array): boolean {
    if (this.isClosed) return true;
    this.#handler.onBodyPiece(bytes, 0, bytes.length);
    return !this.#isHeld;
  }

  complete(): void {
    if (this.isClosed) return;
    this.#handler.onEnd(null);
    this.#handler.onFlush();
  }

  push(): void {
    if (!this.isClosed) this.#handler.onFlush();
  }

  resume(): void {
    if (!this.isClosed) this.#handler.onWritable();
  }

  /** The exchange is told that its client has gone, and answers by `abort`. */
  leave(): void {
    if (this.isClosed) return;
    this.#close();
    this.#handler.onFault(fault.CLIENT_CLOSED);
  }

  /** The proxy stops. */
  cut(): void {
    if (!this.isClosed) this.#handler.onFault(fault.DRAINING);
  }

  // ── from the exchange ──────────────────────────────────────────────────────────────────────────────────────

  head(outgoing: OutgoingHead): void {
    outgoing.detach();
    const headers = new Headers();
    for (const { name, value } of outgoing.lines) headers.append(name, value);
    if (outgoing.contentLength !== -1) headers.set("Content-Length", String(outgoing.contentLength));
    this.#owner.onInnerHead(outgoing.status, headers);
  }

  body(bytes: Uint8Array, start: number, end: number): boolean {
    return this.isClosed || this.#owner.onInnerPiece(copyOf(bytes, start, end));
  }

  end(): void {
    if (this.isClosed) return;
    this.#close();
    this.#owner.onInnerEnd();
  }

  abort(): void {
    const wasClosed = this.isClosed;
    this.#close();
    if (!wasClosed) this.#owner.onInnerCut();
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#owner.onInnerWritable();
  }

  flush(): void {}
  interim(): void {}
  goBy(): void {}
  closeAfterResponse(): void {}
  setHeadApart(): void {}

  openTunnel(): void {
    throw new Error("a request of a hook was upgraded");
  }

  #close(): void {
    this.isClosed = true;
    this.#client.closeBound();
    this.#underWay.delete(this);
  }
}

function headOf({ method, target, fields, length }: InnerRequest, { requestBounds }: Deployment): RequestHead {
  const framing = length === -1 ? "Transfer-Encoding: chunked\r\n" : `Content-Length: ${length ?? 0}\r\n`;
  const isFramed = length !== null || saysItsLength(method);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const bytes = bytesOf(`${method} ${target} HTTP/1.1\r\n${lines}${isFramed ? framing : ""}\r\n`);
  const head = new RequestHead();
  const at = parseRequestHead(head, bytes, 0, bytes.length, requestBounds);
  const refused = at > 0 ? checkRequest(head, "http") : at;
  if (refused < 0) throw new TypeError(`context.fetch: ${fault.clientRefusal(refused).reason}`);
  if (at !== bytes.length) throw new Error("a request of a hook was two");
  return head;
}

/** Who the client is. */
const CLIENT_FIELDS = ["x-forwarded-for", "x-real-ip"];

/** The hook says whose request this is, or nobody does: that it came from us is of no use to a server. */
function clientAsSaid({ fields }: InnerRequest): RequestChanges {
  const changes = new RequestChanges();
  changes.edit({ drop: CLIENT_FIELDS, add: fields.filter(([name]) => CLIENT_FIELDS.includes(name.toLowerCase())) });
  return changes;
}

/** It is counted like any other, but a line of its own in the log only when it fails: its id goes to whoever is answered. */
function innerEngine(engine: Engine, deployment: Deployment): Engine {
  const { runtime, timers, slab, hooks, traceRing, date, inFlight, replayBudget } = engine;
  const observer: Observer = {
    wantsTimes: engine.observer.wantsTimes,
    onExchange(exchange) {
      if (exchange.fault !== null) engine.observer.onExchange(exchange);
    },
    onNotice: (notice) => engine.observer.onNotice(notice),
  };
  return {
    runtime,
    timers,
    slab,
    hooks,
    traceRing,
    date,
    inFlight,
    replayBudget,
    observer,
    deployment,
    reportDefect: (error) => engine.reportDefect(error),
    nextRequestId: () => engine.nextRequestId(),
    get isDraining() {
      return engine.isDraining;
    },
    keepsConnection: (isFirst) => engine.keepsConnection(isFirst),
  };
}
