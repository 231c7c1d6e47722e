/**
 * A stub resolver: asks the system's or the configured servers for A, AAAA and SRV records, with their TTL. Ours, and
 * the same on every runtime, because none has one that does: node:dns tells no TTL of SRV records anywhere, Deno.resolveDns
 * no TTL at all and not whether a name is missing or its server failed (denoland/deno 2.9). node:dgram and node:net
 * are used on all of them: the datagrams of Deno's own are behind a flag, and nothing here is on the path of requests.
 *
 *     names to try (search list) × servers ──► query: UDP, sent twice ──(truncated)──► TCP ──► answer, or the next
 */

import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, type Socket as TcpSocket } from "node:net";
import type {
  Attempt,
  ResolveDone,
  ResolveError,
  ResolveErrorCode,
  ResolveOptions,
  TcpAddress,
} from "../core/runtime.ts";
import { createQuestion, plainName, type Question, type Reply, readReply } from "./dns-message.ts";
import { isPermitted } from "./permission.ts";
import { lookUpHosts, systemResolvers } from "./system-names.ts";

/** Of the hosts file: how soon a change of it is noticed. */
const HOSTS_TTL_SECONDS = 10;
/** Datagrams that belong to no question of ours, before a server is given up. */
const FOREIGN_REPLIES_MAX = 100;
/**
 * Twice what 1,000 addresses take. Names in a message may point at others in chains, so that reading it costs the square
 * of its length: 300 ms for the longest one there can be, 80 for this.
 */
const TCP_MESSAGE_BYTES_MAX = 32 * 1_024;

export function resolve(options: ResolveOptions, done: ResolveDone): Attempt {
  return new Lookup(options, done);
}

class Lookup implements Attempt {
  readonly #options: ResolveOptions;
  readonly #done: ResolveDone;
  #names: readonly string[] = [];
  #servers: readonly TcpAddress[] = [];
  #name = 0;
  #server = 0;
  #query: Query | null = null;
  #isOver = false;

  constructor(options: ResolveOptions, done: ResolveDone) {
    this.#options = options;
    this.#done = done;
    queueMicrotask(() => this.#start());
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#query?.stop();
    queueMicrotask(() => this.#done({ code: "canceled", message: "the question was taken back" }, null));
  }

  #start(): void {
    if (this.#isOver) return;
    const known = this.#lookUpHosts();
    if (known !== null) {
      this.#finish(...known);
      return;
    }
    const problem = this.#prepare();
    if (problem === null) this.#ask();
    else this.#finish(problem, null);
  }

  /** Null: not a name the system knows by itself. */
  #lookUpHosts(): Parameters<ResolveDone> | null {
    const { name, type } = this.#options;
    const plain = plainName(name);
    const known = plain === null || type === "SRV" ? null : lookUpHosts(plain, type);
    if (known === null) return null;
    const records = known.map((host) => ({ host: canonical(host), port: 0, priority: 0, weight: 0 }));
    if (records.length > 0) return [null, { records, ttlSeconds: HOSTS_TTL_SECONDS }];
    return [{ code: "not-found", message: `the hosts file has no ${type} address for it` }, null];
  }

  /** Finds out whom to ask for which names; or why not to, or that there is no need. */
  #prepare(): ResolveError | null {
    const { name, servers } = this.#options;
    const plain = plainName(name);
    if (plain === null) return { code: "malformed", message: "this is no host name" };
    this.#names = [plain];
    this.#servers = servers;
    if (servers.length > 0) return null;
    const system = systemResolvers();
    if ("problem" in system) return { code: "unavailable", message: system.problem };
    this.#servers = system.servers;
    if (!name.endsWith(".")) this.#names = searched(plain, system.search, system.dots);
    return null;
  }

  #ask(): void {
    const question = createQuestion(this.#names[this.#name]!, this.#options.type);
    this.#query = new Query(question, this.#servers[this.#server]!, this.#options.timeoutMs, (result) => {
      this.#query = null;
      if (!this.#isOver) this.#onResult(result);
    });
    this.#query.start();
  }

  #onResult(result: QueryResult): void {
    if (result.kind === "answer") {
      const { records, ttlSeconds } = result.answer;
      this.#finish(null, { records: records.map((one) => ({ ...one, host: canonical(one.host) })), ttlSeconds });
    } else if (result.kind === "not-found") {
      this.#name++;
      if (this.#name < this.#names.length) this.#ask();
      else this.#finish({ code: "not-found", message: `it has no ${this.#options.type} record` }, null);
    } else {
      this.#server++;
      if (this.#server < this.#servers.length) this.#ask();
      else this.#finish({ code: result.code, message: result.message }, null);
    }
  }

  #finish(...result: Parameters<ResolveDone>): void {
    this.#isOver = true;
    this.#done(...result);
  }
}

type QueryResult = Extract<Reply, { kind: "answer" | "not-found" }> | ({ readonly kind: "error" } & ResolveError);

/** One question to one server. `done` is called once, and not after `stop`. */
class Query {
  readonly #question: Question;
  readonly #server: TcpAddress;
  readonly #timeoutMs: number;
  readonly #done: (result: QueryResult) => void;
  #udp: UdpSocket | null = null;
  #tcp: TcpSocket | null = null;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #foreignReplies = 0;
  #isConnected = false;
  #isOver = false;

  constructor(question: Question, server: TcpAddress, timeoutMs: number, done: (result: QueryResult) => void) {
    this.#question = question;
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.#done = done;
  }

  start(): void {
    const { host } = this.#server;
    const any = host.includes(":") ? "[::]:0" : "0.0.0.0:0";
    // Deno tells of a missing permission to bind by an exception that nobody can catch.
    if (!isPermitted({ name: "net", host: any }) || !isPermitted({ name: "net", host: this.#where })) {
      const message = `no permission to ask ${this.#where}: allow the net access ${any},${this.#where}`;
      this.#end({ kind: "error", code: "unavailable", message });
      return;
    }
    this.#timers = [
      setTimeout(() => this.#fail("timeout", `did not answer within ${this.#timeoutMs} ms`), this.#timeoutMs),
      setTimeout(() => this.#isConnected && this.#send(), this.#timeoutMs / 2),
    ];
    try {
      const udp = createSocket(host.includes(":") ? "udp6" : "udp4");
      this.#udp = udp;
      udp.on("error", (error) => this.#unavailable(error));
      udp.on("message", (bytes, from) => {
        // Deno's connected sockets take datagrams from anybody.
        if (from.port === this.#server.port && canonical(from.address) === canonical(host)) this.#onReply(bytes, false);
      });
      udp.on("connect", () => {
        this.#isConnected = true;
        this.#send();
      });
      // A port of its own for each question, chosen by the system: guessing both it and the number is hard (RFC 5452).
      udp.connect(this.#server.port, host);
    } catch (error) {
      // "Never from inside" holds: the lookup starts in a turn of its own.
      this.#unavailable(error);
    }
  }

  stop(): void {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#closeUdp();
    this.#tcp?.destroy();
  }

  get #where(): string {
    const { host, port } = this.#server;
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }

  #send(): void {
    if (this.#isOver || this.#udp === null) return;
    this.#udp.send(this.#question.bytes, (error) => {
      if (error !== null && error !== undefined) this.#unavailable(error);
    });
  }

  #onReply(bytes: Uint8Array, isByTcp: boolean): void {
    if (this.#isOver) return;
    const reply = readReply(bytes, this.#question);
    if (reply.kind === "answer" || reply.kind === "not-found") {
      this.#end(reply);
    } else if (reply.kind === "failure") {
      this.#fail("server-failure", `answered ${reply.code}`);
    } else if (reply.kind === "malformed") {
      this.#fail("malformed", `sent ${reply.why}`);
    } else if (reply.kind === "truncated" && !isByTcp) {
      this.#askByTcp();
    } else if (isByTcp || ++this.#foreignReplies > FOREIGN_REPLIES_MAX) {
      this.#fail("malformed", "sent what is no reply to the question");
    }
  }

  #askByTcp(): void {
    this.#closeUdp();
    const { host, port } = this.#server;
    const { bytes } = this.#question;
    const tcp = connect({ host, port });
    this.#tcp = tcp;
    let received = new Uint8Array(0);
    tcp.on("error", (error) => this.#unavailable(error));
    tcp.on("end", () => this.#fail("server-failure", "closed in the middle of its answer"));
    tcp.on("data", (piece: Uint8Array) => {
      if (this.#isOver) return;
      received = joined(received, piece.subarray(0, TCP_MESSAGE_BYTES_MAX + 2 - received.length));
      if (received.length < 2) return;
      const end = 2 + received[0]! * 256 + received[1]!;
      if (end > 2 + TCP_MESSAGE_BYTES_MAX) this.#fail("malformed", `sent more than ${TCP_MESSAGE_BYTES_MAX} bytes`);
      else if (received.length >= end) this.#onReply(received.subarray(2, end), true);
    });
    const framed = new Uint8Array(2 + bytes.length);
    framed[0] = bytes.length >> 8;
    framed[1] = bytes.length & 255;
    framed.set(bytes, 2);
    tcp.write(framed);
  }

  #unavailable(error: unknown): void {
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
    this.#fail("unavailable", `could not be asked: ${String(code ?? message ?? error)}`);
  }

  /** `what` the server did. */
  #fail(code: ResolveErrorCode, what: string): void {
    this.#end({ kind: "error", code, message: `${this.#where} ${what}` });
  }

  #end(result: QueryResult): void {
    if (this.#isOver) return;
    this.stop();
    this.#done(result);
  }

  #closeUdp(): void {
    const udp = this.#udp;
    this.#udp = null;
    if (udp === null) return;
    udp.removeAllListeners("message");
    try {
      udp.close();
    } catch {
      // It never got to be open.
    }
  }
}

/** As in the C library: a name with dots enough is tried as it is first, one with fewer last. */
function searched(name: string, search: readonly string[], dots: number): string[] {
  const longer = search.flatMap((domain) => plainName(`${name}.${domain}`) ?? []);
  return name.split(".").length > dots ? [name, ...longer] : [...longer, name];
}

/** One text for one address, without a zone. */
function canonical(host: string): string {
  if (!host.includes(":")) return host;
  const plain = host.split("%")[0]!;
  try {
    return new URL(`http://[${plain}]`).hostname.slice(1, -1);
  } catch {
    return plain;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
