/** What the steps, templates, conditions and logs may ask about a request. Texts are made only when asked for. */

import { bytesOf, latin1 } from "../bytes/text.ts";
import { hostText } from "../http/host.ts";
import { isIdempotent, type RequestHead } from "../http/message.ts";
import { isPlainPath } from "../http/path.ts";
import type { Route, RouteMatch } from "../route/compile-route.ts";
import type { VariableContext } from "../route/variables.ts";
import type { ShownRequest } from "../script/live-request.ts";
import type { PickWish } from "../upstream/pick-request.ts";
import type { ClientSide } from "./client-side.ts";
import type { Deployment, RoutePlan } from "./deployment.ts";
import type { Engine } from "./engine.ts";
import type { RequestChanges } from "./request-changes.ts";

export class RequestView implements VariableContext, ShownRequest {
  readonly engine: Engine;
  deployment: Deployment;
  readonly client: ClientSide;
  readonly head: RequestHead;
  /** Null until a route is found. */
  match: RouteMatch | null = null;
  plan: RoutePlan | null = null;
  /** Of hooks, for the choice of a server; null: none. */
  wish: PickWish | null = null;
  /** By hooks; null: none. */
  changes: RequestChanges | null = null;
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
  /** Doing the request twice is as good as once: by its method, or by a key that servers know it by. */
  get isIdempotent(): boolean {
    return isIdempotent(this.head.method) || (this.header("idempotency-key") ?? "") !== "";
  }
  /** The same, or the configuration has said that it may be done twice. */
  get isRepeatable(): boolean {
    return this.isIdempotent || (this.plan?.group?.retries.repeatsUnsafe ?? false);
  }
  get requestId(): string {
    if (this.#requestId === "") this.#requestId = this.engine.nextRequestId();
    return this.#requestId;
  }
  get host(): string {
    const changed = this.changes?.host ?? null;
    if (changed !== null) return hostText(bytesOf(changed), 0, changed.length);
    if (this.#host === null) this.#host = hostText(this.head.fields.bytes, this.head.hostStart, this.head.hostEnd);
    return this.#host;
  }
  get authority(): string {
    return this.changes?.host ?? latin1(this.head.fields.bytes, this.head.hostStart, this.head.hostEnd);
  }
  get method(): string {
    return this.head.methodText;
  }
  get path(): string {
    return this.changes?.path ?? this.head.pathText;
  }
  get query(): string {
    return this.changes?.query ?? this.head.queryText;
  }
  get pathIsPlain(): boolean {
    const changed = this.changes?.path ?? null;
    return changed === null ? this.head.pathIsPlain : isPlainPath(changed);
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
  get scheme(): "http" | "https" {
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
    return this.plan?.group?.definition.name ?? this.match?.route.upstreamName ?? "";
  }
  get upstreamAddress(): string {
    return this.server;
  }
  header(name: string): string | null {
    return this.changes === null ? this.head.fields.value(name) : this.changes.value(name, this.head.fields);
  }
  /** As received. */
  forEachField(use: (name: string, value: string) => void): void {
    const { fields } = this.head;
    for (let index = 0; index < fields.count; index++) use(fields.nameText(index), fields.valueText(index));
  }
}
