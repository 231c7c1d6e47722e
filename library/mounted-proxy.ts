/** What the handlers for other servers have behind them: a proxy, given or of their own, and the way into it. */

import { setImmediate } from "node:timers";
import { Slab } from "../core/bytes/slab.ts";
import { bytesOf } from "../core/bytes/text.ts";
import { ClientConnection } from "../core/h1/client.ts";
import type { ClientOwner, CycleRules } from "../core/h1/client-owner.ts";
import { canonicalAddress } from "../core/http/address-block.ts";
import { methodOf, RequestHead } from "../core/http/message.ts";
import type { OutgoingHead } from "../core/http/outgoing.ts";
import type { ResponseHandler } from "../core/http/wire.ts";
import { DEFAULT_LIMITS, DEFAULT_TIMEOUTS, HIGH_WATER_BYTES } from "../core/limits.ts";
import { memorySocketPair } from "../core/listen/memory-socket.ts";
import type { Config, ConfigFunction, ConfigProblem, Observer, UpstreamConfig } from "../core/mod.ts";
import type { Address, TlsInfo } from "../core/runtime.ts";
import { Timers } from "../core/time/timers.ts";
import { ConfigError } from "./config-error.ts";
import { createMountedProxy, type Proxy as RunningProxy } from "./proxy.ts";

/** A configuration that may go without listeners. */
export type MountedConfig = Omit<Config, "listeners"> & Partial<Pick<Config, "listeners">> & { upstream?: undefined };

/** One upstream that takes every request, and what else there is to say (`timeouts`, `limits`, `hooks` …). */
export interface MountedUpstream extends Partial<Omit<MountedConfig, "upstream" | "upstreams" | "routes">> {
  readonly upstream: UpstreamConfig;
  /** It has one of each; write the whole configuration instead where there are to be more. */
  readonly upstreams?: undefined;
  readonly routes?: undefined;
}

/** A proxy that has started, a configuration or a function that makes one, or one upstream. */
export type MountSource = RunningProxy | MountedConfig | MountedUpstream | ConfigFunction;

/** Where a request came from. */
export interface ClientPlace {
  /** An IP address; without, it counts as `unix`. */
  readonly address: string | undefined;
  readonly isSecure: boolean;
}

/** How requests come in that no listener accepts. */
export interface MountOptions {
  /** The name of its connections in logs and conditions. Default: `program`. */
  readonly listener?: string | undefined;
  /** As of `createProxy`; of a proxy that is given it is the proxy's. */
  readonly observer?: Observer | undefined;
}

export interface Opened {
  readonly connection: ClientConnection;
  /** False: the proxy has stopped, is stopping or is full, and has reset it. */
  readonly isTaken: boolean;
}

/** What is answered when a connection ends before any response has come. A reset overtakes what was sent before it. */
export function unanswered(isTaken: boolean): { readonly status: number; readonly text: string } {
  if (isTaken) return { status: 502, text: "the response was cut off before any of it could be read" };
  return { status: 503, text: "the proxy takes no connections: it has stopped, is stopping, or is full" };
}

export class MountedProxy {
  readonly proxy: RunningProxy;
  readonly #isOwn: boolean;
  readonly #listener: string;
  readonly #owner: ClientOwner<ClientConnection> = {
    // Never moved on: all deadlines are the proxy's.
    timers: new Timers(0),
    slab: new Slab(),
    poolIdleMs: Number.POSITIVE_INFINITY,
    onConnectionClosed() {},
  };
  #isReady: boolean;
  #isClosed = false;

  constructor(source: MountSource, { listener = "program", observer }: MountOptions = {}) {
    this.#isOwn = !isProxy(source);
    const observed = observer === undefined ? {} : { observer };
    this.proxy = isProxy(source) ? source : createMountedProxy({ config: configOf(source), ...observed });
    this.#listener = listener;
    this.#isReady = !this.#isOwn;
  }

  /** Null when connections can be opened now. A proxy of its own starts with the first request. */
  starting(): Promise<void> | null {
    if (this.#isReady || this.#isClosed) return null;
    return this.proxy.start().then(() => {
      this.#isReady = true;
    });
  }

  /** Throws a TypeError for what is no address. */
  open({ address, isSecure }: ClientPlace): Opened {
    const [inside, outside] = memorySocketPair({
      local: NOWHERE,
      peer: address === undefined || address === "" ? NOWHERE : { kind: "tcp", host: plain(address), port: 0 },
      tls: isSecure ? SECURE : null,
      highWaterBytes: HIGH_WATER_BYTES,
      later: setImmediate,
    });
    let isTaken = true;
    const { reset } = inside;
    inside.reset = () => {
      isTaken = false;
      reset.call(inside);
    };
    if (this.#isReady) this.proxy.accept(inside, this.#listener);
    else inside.reset(); // closed before it has ever started
    inside.reset = reset;
    return { connection: new ClientConnection(outside, this.#owner), isTaken };
  }

  /** The head goes in; `answered` is told what comes back. */
  begin(connection: ClientConnection, answered: ResponseHandler, outgoing: OutgoingHead, isUpgrade = false): void {
    const method = bytesOf(outgoing.method);
    connection.begin(answered, RULES, methodOf(method, 0, method.length), isUpgrade);
    connection.head(outgoing, NO_HEAD);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#isOwn) await this.proxy.stop();
  }
}

/** Nobody wants the rest: the proxy is told at once, and lets go of the server's side, too. */
export function cut(connection: ClientConnection): void {
  connection.socket.reset();
  connection.close();
}

const NO_HEAD = new RequestHead();
const NOWHERE: Address = { kind: "unix", path: "" };
const SECURE: TlsInfo = {
  alpn: "",
  serverName: null,
  protocol: "",
  cipher: "",
  peerCertificate: null,
  authorized: false,
};

const FOREVER = Number.POSITIVE_INFINITY;
/** The proxy has judged what it sends, by limits of the configuration, which are not known here. */
const RULES: CycleRules = {
  limits: { ...DEFAULT_LIMITS, interimResponsesMax: FOREVER },
  timeouts: {
    ...DEFAULT_TIMEOUTS,
    firstByteMs: FOREVER,
    responseIdleMs: FOREVER,
    sendIdleMs: FOREVER,
    tunnelIdleMs: FOREVER,
  },
  responseBounds: { headBytesMax: FOREVER, fieldsMax: FOREVER, nameBytesMax: FOREVER, targetBytesMax: 0 },
};

const UPSTREAM = "upstream";

function configOf(source: Exclude<MountSource, RunningProxy>): Config | ConfigFunction {
  if (typeof source === "function") return source;
  if (!isUpstream(source)) return source as Config;
  const { upstream, ...rest } = source;
  // Dropped without a word, a route that refuses something would be missed too late.
  const others = (["upstreams", "routes"] as const).filter((key) => rest[key] !== undefined);
  if (others.length > 0) throw new ConfigError(others.map(standsBeside));
  const routes = [{ id: "all", upstream: UPSTREAM }];
  return { ...rest, upstreams: { [UPSTREAM]: upstream }, routes } as Config;
}

function standsBeside(key: string): ConfigProblem {
  return {
    path: [key],
    message: "stands beside upstream, which takes every request; keep one of the two",
    atKey: true,
  };
}

function isProxy(source: MountSource): source is RunningProxy {
  return typeof source === "object" && source !== null && "accept" in source;
}

function isUpstream(source: MountedConfig | MountedUpstream): source is MountedUpstream {
  return typeof source === "object" && source !== null && "upstream" in source;
}

function plain(address: string): string {
  const zone = address.indexOf("%");
  const canonical = canonicalAddress(zone === -1 ? address : address.slice(0, zone));
  if (canonical === null)
    throw new TypeError(`the client's address ${JSON.stringify(address.slice(0, 100))} is no IP address`);
  return canonical;
}
