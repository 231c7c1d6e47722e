import { Buffer } from "node:buffer";
import { bodyOf } from "./body.ts";
import { ClientConnection, type Ending, type Target } from "./client-connection.ts";
import { IDEMPOTENT } from "./ledger.ts";
import { type FinishedRequest, LoadReport, type Verdict } from "./load-report.ts";

/**
 * An open loop: requests start by a schedule whatever happened to those before, and latency counts from the scheduled
 * time, so that a stall is seen by all it would have hit.
 */
export interface LoadOptions {
  readonly target: Target;
  readonly requestsPerSecond: number;
  readonly requests: number;
  readonly clientAddresses: readonly string[];
  readonly connectionsMax: number;
  readonly make: (number: number) => Ask;
  /** A response that is not there by then is late. */
  readonly patienceMs?: number;
}

export interface Ask {
  readonly nonce: string;
  readonly method: string;
  readonly path: string;
  readonly bodyBytes: number;
  readonly answerBytes: number;
  readonly plan?: string;
  readonly status?: number;
}

export class LoadClient {
  readonly report = new LoadReport();
  readonly #options: LoadOptions;
  readonly #patienceMs: number;
  readonly #connections = new Set<ClientConnection>();
  readonly #idle: ClientConnection[] = [];
  readonly #waiting: Pending[] = [];
  #asked = 0;
  #startedMs = 0;
  #connectionsMade = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #ended: () => void = () => {};
  #isStopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#patienceMs = options.patienceMs ?? 10_000;
  }

  /** How long the load has run. */
  get elapsedMs(): number {
    return performance.now() - this.#startedMs;
  }

  run(): Promise<LoadReport> {
    this.#startedMs = performance.now();
    const ended = new Promise<void>((resolve) => {
      this.#ended = resolve;
    });
    this.#timer = setInterval(() => this.#askWhatIsDue(), TICK_MS);
    return ended.then(() => {
      for (const connection of this.#connections) connection.destroy();
      return this.report;
    });
  }

  /** Starts nothing more; what was asked is waited for. */
  stop(): void {
    this.#isStopped = true;
  }

  #askWhatIsDue(): void {
    const { requestsPerSecond, requests, make } = this.#options;
    const due = this.#isStopped ? 0 : Math.min(requests, Math.floor((this.elapsedMs * requestsPerSecond) / 1000) + 1);
    while (this.#asked < due) {
      const scheduledMs = (this.#asked * 1000) / requestsPerSecond;
      this.#start({
        ask: make(this.#asked),
        scheduledMs,
        isRetried: false,
        sentMs: 0,
        connection: null,
        timer: undefined,
      });
      this.#asked++;
    }
    if (this.#asked >= requests) this.#isStopped = true;
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (!this.#isStopped || this.report.requests < this.#asked) return;
    clearInterval(this.#timer);
    this.#ended();
  }

  #start(pending: Pending): void {
    pending.timer = setTimeout(() => {
      pending.connection?.destroy();
      const index = this.#waiting.indexOf(pending);
      if (index >= 0) this.#waiting.splice(index, 1);
      this.#finish(pending, "late", `no response within ${this.#patienceMs} ms`);
    }, this.#patienceMs);
    this.#send(pending, false);
  }

  #send(pending: Pending, fresh: boolean): void {
    const connection = (fresh ? null : this.#takeIdle()) ?? this.#connect();
    if (connection === null) {
      this.#waiting.push(pending);
      return;
    }
    pending.connection = connection;
    if (!pending.isRetried) pending.sentMs = this.elapsedMs;
    const wasUsed = connection.served > 0;
    connection.ask(pending.ask.method, requestBytes(pending.ask), (ending) => {
      this.#onEnding(pending, connection, wasUsed, ending);
    });
  }

  #onEnding(pending: Pending, connection: ClientConnection, wasUsed: boolean, ending: Ending): void {
    if (ending.kind === "response") {
      if (!connection.isClosed) this.#idle.push(connection);
      const [verdict, detail] = judge(pending.ask, ending.response);
      pending.retryAfter = ending.response.retryAfter;
      this.#finish(pending, verdict, detail, ending.response.status);
    } else if (isClosedIdle(ending.kind) && wasUsed && !pending.isRetried && IDEMPOTENT.has(pending.ask.method)) {
      // The other side closed a connection that rested as we used it; RFC 9112, section 9.3.1.
      pending.isRetried = true;
      this.#send(pending, true);
    } else this.#finish(pending, ending.kind, ending.detail);
    this.#serveWaiting();
  }

  #finish(pending: Pending, verdict: Verdict, detail: string, status = 0): void {
    clearTimeout(pending.timer);
    const { ask, scheduledMs, isRetried } = pending;
    const finished: FinishedRequest = {
      nonce: ask.nonce,
      method: ask.method,
      path: ask.path,
      verdict,
      status,
      retryAfter: pending.retryAfter ?? null,
      scheduledMs,
      sentMs: pending.sentMs,
      latencyMs: this.elapsedMs - scheduledMs,
      isRetried,
      detail,
    };
    this.report.finished.push(finished);
    this.#endIfDone();
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0 && (this.#idle.length > 0 || this.#mayConnect())) {
      this.#send(this.#waiting.shift() as Pending, false);
    }
  }

  /** The one that rested longest, so that idle times are seen, too. */
  #takeIdle(): ClientConnection | null {
    for (;;) {
      const connection = this.#idle.shift();
      if (connection === undefined) return null;
      if (!connection.isClosed) return connection;
    }
  }

  #mayConnect(): boolean {
    return this.#connections.size < this.#options.connectionsMax;
  }

  #connect(): ClientConnection | null {
    if (!this.#mayConnect()) return null;
    const { target, clientAddresses } = this.#options;
    const address = clientAddresses[this.#connectionsMade++ % clientAddresses.length] as string;
    const connection = new ClientConnection(target, address, (gone) => {
      this.#connections.delete(gone);
      if (gone.hasGarbled) this.report.unasked++;
      this.#serveWaiting();
    });
    this.#connections.add(connection);
    return connection;
  }
}

/** Often enough for some hundred requests a second; at a higher rate several start at once. */
const TICK_MS = 2;

interface Pending {
  readonly ask: Ask;
  readonly scheduledMs: number;
  isRetried: boolean;
  sentMs: number;
  connection: ClientConnection | null;
  timer: ReturnType<typeof setTimeout> | undefined;
  retryAfter?: string | null;
}

function isClosedIdle(kind: Ending["kind"]): boolean {
  return kind === "reset-before-bytes" || kind === "reset-after-request";
}

function judge(
  ask: Ask,
  { status, nonce, body }: { readonly status: number; readonly nonce: string | null; readonly body: Buffer },
): readonly [Verdict, string] {
  if (status !== (ask.status ?? 200)) return ["wrong-status", body.toString("latin1", 0, 200)];
  if (nonce !== ask.nonce) return ["wrong-nonce", `${nonce} instead of ${ask.nonce}`];
  const wanted = ask.method === "HEAD" ? 0 : ask.answerBytes;
  if (!body.equals(bodyOf(ask.nonce, wanted))) return ["wrong-body", `${body.length} bytes instead of ${wanted}`];
  return ["ok", ""];
}

export function requestBytes(ask: Ask): Buffer {
  const { nonce, method, path, bodyBytes, answerBytes, plan } = ask;
  const fields = [`Host: chaos`, `X-Nonce: ${nonce}`, `X-Answer-Bytes: ${answerBytes}`];
  if (plan !== undefined) fields.push(`X-Plan: ${plan}`);
  if (bodyBytes > 0 || method === "POST" || method === "PUT") fields.push(`Content-Length: ${bodyBytes}`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`, "latin1");
  return bodyBytes === 0 ? head : Buffer.concat([head, bodyOf(nonce, bodyBytes)]);
}
