import { addressText } from "../core/config/address.ts";
import type { Config, ConfigFunction } from "../core/config/define.ts";
import { suggestion } from "../core/config/suggest.ts";
import type { Snapshot } from "../core/exchange/snapshot.ts";
import { clientProblem, DEFAULT_CLIENT, parseRequestLine, type RequestLine } from "../core/explain/request-line.ts";
import { canonicalAddress } from "../core/http/address-block.ts";
import { TRACE_KEEP } from "../core/limits.ts";
import type { Trace } from "../core/observe/trace.ts";
import { createProxy, type Proxy as Millrace, type Reloaded, type ServerView } from "../core/proxy.ts";
import type { Address } from "../core/runtime.ts";
import { type Duration, millisecondsOf } from "./duration.ts";
import { Occurrences, type TestEvent } from "./occurrences.ts";
import type { Peer } from "./peer.ts";
import { compiledConfig } from "./refused-config.ts";
import { bytesOfRequest, type RequestOptions } from "./request-line.ts";
import type { TestRequest } from "./server-answer.ts";
import { type ServerPlace, ServerPlaces, type WorldOptions } from "./server-places.ts";
import { createSimulation, type Simulation } from "./sim.ts";
import {
  type Arrived,
  emptyRecord,
  type RequestRecord,
  readArrived,
  type TestResponse,
  testResponse,
} from "./test-response.ts";
import { TestServer, TestUpstream } from "./test-server.ts";
import { callerOf, expectClose, noteClose } from "./unclosed.ts";
import { type CodeAtWork, VirtualTime } from "./virtual-time.ts";

/** How the simulated world around a tested proxy is. */
export interface TestProxyOptions extends WorldOptions {
  /** Same seed, same dice of balancers, pauses and network; default 1. */
  readonly seed?: number;
  /** Virtual time after which `request` gives up waiting; default `"10m"`. */
  readonly within?: Duration;
}

/**
 * Runs a proxy by `config` without sockets, on a clock that stands still unless it is moved: the very core that serves
 * traffic, on a simulated network where every server of the configuration is a scripted one.
 *
 *     await using proxy = await testProxy(config);
 *     proxy.server("10.0.0.1:80").failNext(1, "reset");
 *     const response = await proxy.request("GET https://a.example/x");
 *     assert.equal(response.server, "10.0.0.2:80");
 *
 * Throws a RefusedConfigError that lists everything that is wrong with the configuration.
 */
export async function testProxy(config: Config | ConfigFunction, options: TestProxyOptions = {}): Promise<TestProxy> {
  // Now, because behind an await the stack may end.
  const place = callerOf(new Error().stack ?? "");
  const { snapshot } = await compiledConfig(config);
  const proxy = new TestProxy(snapshot, options);
  expectClose(proxy, place);
  try {
    await proxy.begin();
  } catch (error) {
    noteClose(proxy);
    throw error;
  }
  return proxy;
}

/** A request that was sent and not waited for. */
export interface Underway {
  /** The client's end of the connection. */
  readonly client: Peer;
  /** Whether the whole response is there, or the connection gone. */
  readonly isDone: boolean;
  /** Moves time on until the response is complete. */
  response(): Promise<TestResponse>;
  /** The client resets its connection. */
  abort(): void;
}

/** A real proxy on a simulated network and clock. */
export class TestProxy {
  readonly #proxy: Millrace;
  readonly #sim: Simulation;
  readonly #time: VirtualTime;
  readonly #places: ServerPlaces;
  readonly #happened: Occurrences;
  readonly #servers = new Map<string, TestServer>();
  readonly #clients: Peer[] = [];
  readonly #withinMs: number;
  readonly #startMs: number;
  #snapshot: Snapshot;
  #placed: readonly ServerPlace[] = [];
  /** Under way. */
  #delays = 0;
  #isClosed = false;

  /** Call `testProxy` instead. */
  constructor(snapshot: Snapshot, options: TestProxyOptions) {
    this.#withinMs = millisecondsOf(options.within ?? "10m");
    this.#sim = createSimulation({ seed: options.seed ?? 1 });
    this.#startMs = this.#sim.clock.now();
    this.#time = new VirtualTime(this.#sim, () => this.#codeAtWork());
    this.#places = new ServerPlaces(options, this.#sim.zone);
    this.#happened = new Occurrences(() => this.now);
    this.#snapshot = traced(snapshot);
    this.#proxy = createProxy({
      runtime: this.#sim.runtime,
      snapshot: this.#snapshot,
      observer: this.#happened,
      serverLists: {
        watch: (path, onList) => {
          onList(this.#places.listIn(path));
          return { stop() {} };
        },
      },
    });
  }

  /** @internal */
  async begin(): Promise<void> {
    await this.#place(this.#snapshot);
    await this.#time.until(this.#proxy.start(), this.#withinMs);
  }

  /** Virtual milliseconds since it was made. */
  get now(): number {
    return this.#sim.clock.now() - this.#startMs;
  }

  /** Sends a request by a client of its own and moves time on until the response is complete. */
  async request(line: string, options: RequestOptions = {}): Promise<TestResponse> {
    return this.send(line, options).response();
  }

  /** Sends a request and moves no time: for what is to happen while it is under way. */
  send(line: string, options: RequestOptions = {}): Underway {
    this.#checkOpen();
    const request = parseRequestLine(line);
    const bytes = bytesOfRequest(request, options);
    const client = this.connect(options);
    client.send(bytes);
    const here = (): Arrived | null => readArrived(client.text(), request.method, endOf(client));
    return {
      client,
      get isDone() {
        return here() !== null;
      },
      response: () => this.#responseTo(client, request, line),
      abort: () => client.reset(),
    };
  }

  /** A client that sends what bytes it is told to: for what `request` would not send. */
  connect({ client = DEFAULT_CLIENT, listener }: Pick<RequestOptions, "client" | "listener"> = {}): Peer {
    this.#checkOpen();
    const problem = clientProblem(client);
    if (problem !== null) throw new Error(`client ${problem}`);
    const peer = this.#sim.connect(this.#addressOf(listener), { from: canonicalAddress(client) ?? client });
    this.#clients.push(peer);
    return peer;
  }

  /** Time passes, and whatever is due happens. */
  async advance(duration: Duration): Promise<void> {
    this.#checkOpen();
    await this.#time.advance(millisecondsOf(duration));
    this.#happened.throwMistake();
  }

  /** Runs whatever can happen without waiting, promises of hooks included. */
  async settle(): Promise<void> {
    this.#checkOpen();
    await this.#time.settle();
    this.#happened.throwMistake();
  }

  /** Resolves so much later on the virtual clock: what the stand-in of a slow database waits by. */
  delay(duration: Duration): Promise<void> {
    const ms = millisecondsOf(duration);
    this.#delays++;
    return new Promise((resolve) => {
      this.#sim.clock.appoint(ms, () => {
        this.#delays--;
        resolve();
      });
    });
  }

  /** The scripted server at an address: as written in the configuration, or as `10.0.0.1:80`. */
  server(address: string): TestServer {
    const direct = this.#servers.get(address);
    if (direct !== undefined) return direct;
    const found = new Set(this.#placed.filter(({ labels }) => labels.includes(address)).map((place) => place.address));
    const [first] = found;
    if (found.size === 1 && first !== undefined) return this.#servers.get(first) as TestServer;
    const known = [...this.#servers.keys()];
    if (found.size > 1) throw new Error(`${address} is several servers: ${[...found].join(", ")}`);
    throw new Error(`no server ${JSON.stringify(address)}: ${among(address, known)}`);
  }

  /** @internal Where the server is that the proxy calls so: `10.0.0.1:80`. */
  addressOf(label: string): string {
    // As `serverAt` names what DNS has found, in upstreams and for targets in no list.
    const found = label.startsWith("unix:") ? null : /:([0-9]+)\/(.+)$/.exec(label);
    if (found !== null) return addressText({ kind: "tcp", host: found[2] as string, port: Number(found[1]) });
    return this.#placed.find(({ labels }) => labels.includes(label))?.address ?? label;
  }

  /** The scripted servers of an upstream. */
  upstream(name: string): TestUpstream {
    const known = this.#snapshot.upstreams.map((upstream) => upstream.name);
    if (!known.includes(name)) throw new Error(`no upstream ${JSON.stringify(name)}: ${among(name, known)}`);
    const addresses = new Set(this.#placed.filter(({ upstream }) => upstream === name).map(({ address }) => address));
    return new TestUpstream(
      name,
      [...addresses].map((address) => this.#servers.get(address) as TestServer),
    );
  }

  /** A further scripted server, at an address in no upstream: for hooks that decide on a target. */
  async serve(address: string): Promise<TestServer> {
    this.#checkOpen();
    return this.#serverAt(address);
  }

  /** What all servers got, checks apart, in order. */
  get received(): readonly TestRequest[] {
    return [...this.#servers.values()].flatMap(({ requests }) => requests).sort((a, b) => a.atMs - b.atMs);
  }

  /** Finished requests and notices (changed servers, failed hooks …) as the proxy's log is told them, in order. */
  get events(): readonly TestEvent[] {
    return this.#happened.events;
  }

  /** Every server of every upstream, as it is now. */
  health(): ServerView[] {
    return this.#proxy.serverStates();
  }

  /** Where a request went and why, by `requestId` of its response; null when it is not kept any more. */
  trace(requestId: string): Trace | null {
    return this.#proxy.trace(requestId);
  }

  /** Goes by another configuration from here on. Throws a RefusedConfigError, or why the reload failed. */
  async reload(config: Config | ConfigFunction): Promise<Reloaded> {
    this.#checkOpen();
    const compiled = await compiledConfig(config);
    const snapshot = traced(compiled.snapshot);
    await this.#place(snapshot);
    const outcome = await this.#time.until(this.#proxy.reload(snapshot), this.#withinMs);
    if ("refused" in outcome)
      throw new Error(`the reload was refused: ${JSON.stringify(outcome.refused ?? "the proxy is stopping")}`);
    this.#snapshot = snapshot;
    return outcome;
  }

  /** What is running, for what this has no word for. */
  get proxy(): Millrace {
    return this.#proxy;
  }

  /** The configuration at work. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The network and the clock it runs on. */
  get simulation(): Simulation {
    return this.#sim;
  }

  /** Stops it. Throws when an answer of a server threw and nobody was told yet, or when the proxy left something open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    noteClose(this);
    for (const peer of this.#clients) if (!peer.isGone) peer.reset();
    await this.#time.settle();
    await this.#time.until(this.#proxy.stop(), this.#withinMs);
    await this.#time.settle();
    this.#happened.throwMistake();
    this.#sim.assertQuiet();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #codeAtWork(): CodeAtWork {
    const hooks = this.#proxy.hookStates();
    return {
      calls: hooks.reduce((sum, { calls }) => sum + calls, 0),
      pending: hooks.reduce((sum, { pending, hung }) => sum + pending - hung, 0),
      isDelayed: this.#delays > 0,
    };
  }

  async #responseTo(client: Peer, request: RequestLine, line: string): Promise<TestResponse> {
    const sentMs = this.now;
    let readBytes = -1;
    let arrived: Arrived | null = null;
    let arrivedAt = 0;
    for (;;) {
      await this.#time.settle();
      this.#happened.throwMistake();
      const ended = endOf(client);
      if (arrived === null && (client.receivedBytes !== readBytes || ended !== null)) {
        readBytes = client.receivedBytes;
        arrived = readArrived(client.text(), request.method, ended);
        arrivedAt = this.now;
      }
      const record = arrived && this.#recordOf(client, request, arrived, this.now - arrivedAt);
      if (arrived !== null && record !== null) {
        if (arrived.final.status !== 101) client.end();
        return testResponse(arrived, record);
      }
      if (this.now - sentMs >= this.#withinMs)
        throw new Error(`${line}: no complete response within ${this.#withinMs} virtual ms (the option within)`);
      await this.#time.pass(this.now - sentMs);
    }
  }

  #recordOf(client: Peer, request: RequestLine, { final, isCut }: Arrived, sinceMs: number): RequestRecord | null {
    const port = client.socket?.local.kind === "tcp" ? client.socket.local.port : 0;
    const record = this.#happened.claim(port, request, final.body);
    if (record !== null) return record;
    // A tunnel goes on; of a connection that was closed before anything was read nothing is told.
    return final.status === 101 || (isCut && sinceMs >= UNTOLD_MS) ? emptyRecord("", "") : null;
  }

  #addressOf(listener: string | undefined): Address {
    const names = this.#snapshot.listeners.map(({ name }) => name);
    const index = listener === undefined ? 0 : names.indexOf(listener);
    const address = this.#proxy.addresses[index];
    if (address === undefined)
      throw new Error(`no listener ${JSON.stringify(listener)}: ${among(listener ?? "", names)}`);
    const isAny = address.kind === "tcp" && ["", "::", "0.0.0.0"].includes(address.host);
    return isAny ? { ...address, host: "127.0.0.1" } : address;
  }

  async #place(snapshot: Snapshot): Promise<void> {
    this.#placed = this.#places.placesIn(snapshot);
    for (const { address, checked } of this.#placed) {
      const server = await this.#serverAt(address);
      if (checked !== null && !this.#servers.has(checked)) await server.listen(checked);
    }
  }

  async #serverAt(address: string): Promise<TestServer> {
    const known = this.#servers.get(address);
    if (known !== undefined) return known;
    const server = new TestServer(address, {
      sim: this.#sim,
      startMs: this.#startMs,
      onMistake: (error) => this.#happened.noteMistake(error),
    });
    await server.listen();
    this.#servers.set(address, server);
    return server;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Error("this test proxy is closed");
  }
}

/** After so long nothing will be told of a request whose connection is gone. */
const UNTOLD_MS = 1_000;

/** Every request leaves a trace: a test that fails wants to know why. */
function traced(snapshot: Snapshot): Snapshot {
  return { ...snapshot, trace: { sampleShare: 1, keep: Math.max(TRACE_KEEP, snapshot.trace.keep) } };
}

function endOf(client: Peer): "end" | "reset" | null {
  return client.closed ?? (client.isGone ? "reset" : null);
}

/** Those there are, and which of them was meant. */
export function among(name: string, known: readonly string[]): string {
  const list = known.length === 0 ? "there is none" : `there ${known.length === 1 ? "is" : "are"} ${known.join(", ")}`;
  const guess = suggestion(name, known);
  return guess.startsWith("did you mean") ? `${guess} (${list})` : list;
}
