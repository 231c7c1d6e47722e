/** What the steps, templates, conditions and logs may ask about a request. Texts are made only when asked for. */

import { hostText } from "../http/host.ts";
import type { RequestHead } from "../http/message.ts";
import type { Route, RouteMatch } from "../route/compile-route.ts";
import type { VariableContext } from "../route/variables.ts";
import type { ClientSide } from "./client-side.ts";
import type { Deployment, RoutePlan } from "./deployment.ts";
import type { Engine } from "./engine.ts";

export class RequestView implements VariableContext {
  readonly engine: Engine;
  readonly deployment: Deployment;
  readonly client: ClientSide;
  readonly head: RequestHead;
  /** Null until a route is found. */
  match: RouteMatch | null = null;
  plan: RoutePlan | null = null;
  /** Where the last try went, as the configuration names it. */
  server = "";
  #requestId = "";
  #host: string | null = null;
  #clientAddress = "";

  constructor(engine: Engine, client: ClientSide, head: RequestHead) {
    this.engine = engine;
    this.deployment = engine.deployment;
    this.client = client;
    this.head = head;
  }

  get route(): Route | null {
    return this.match === null ? null : this.match.route;
  }
  get allowsUpgrade(): boolean {
    return this.match!.route.upgrade;
  }
  get asksUpgrade(): boolean {
    return this.head.upgrade !== "" && this.allowsUpgrade;
  }
  get requestId(): string {
    if (this.#requestId === "") this.#requestId = this.engine.nextRequestId();
    return this.#requestId;
  }
  get host(): string {
    if (this.#host === null) this.#host = hostText(this.head.fields.bytes, this.head.hostStart, this.head.hostEnd);
    return this.#host;
  }
  get method(): string {
    return this.head.methodText;
  }
  get path(): string {
    return this.head.pathText;
  }
  get query(): string {
    return this.head.queryText;
  }
  get pathIsPlain(): boolean {
    return this.head.pathIsPlain;
  }
  get target(): string {
    return this.head.targetText;
  }
  get protocol(): string {
    return this.head.minorVersion === 1 ? "HTTP/1.1" : "HTTP/1.0";
  }
  get listener(): string {
    return this.client.listener;
  }
  get scheme(): string {
    return this.client.scheme;
  }
  get clientPort(): number {
    return this.client.port;
  }
  get clientAddress(): string {
    if (this.#clientAddress === "") {
      const hops = this.deployment.trusted.trusts(this.client.address)
        ? this.head.fields.value("x-forwarded-for")
        : null;
      this.#clientAddress = this.deployment.trusted.clientAddress(this.client.address, hops);
    }
    return this.#clientAddress;
  }
  get routeId(): string {
    return this.match === null ? "" : this.match.route.id;
  }
  get upstream(): string {
    return this.match === null ? "" : this.match.route.upstreamName;
  }
  get upstreamAddress(): string {
    return this.server;
  }
  header(name: string): string | null {
    return this.head.fields.value(name);
  }
}
