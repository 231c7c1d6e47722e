import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { bodyOf } from "./body.ts";
import type { FaultOrigin } from "./fault-origin.ts";
import { OK, type Plan } from "./plan.ts";

/** One connection to an origin: reads requests, one after the other, and deals with each as its plan says. */
export class OriginConnection {
  readonly socket: Socket;
  readonly #origin: FaultOrigin;
  #rest: Buffer = Buffer.alloc(0);
  /** The request that is being read or answered. */
  #request: ArrivingRequest | null = null;
  #isAnswering = false;
  #closesWhenReadable = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #paceTimer: ReturnType<typeof setInterval> | undefined;

  constructor(socket: Socket, origin: FaultOrigin) {
    this.socket = socket;
    this.#origin = origin;
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("close", () => this.#stopTimers());
    socket.on("data", (bytes: Buffer) => this.#onBytes(bytes));
  }

  #onBytes(bytes: Buffer): void {
    if (this.#closesWhenReadable) {
      this.socket.destroy();
      return;
    }
    clearTimeout(this.#idleTimer);
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#readOn();
  }

  #readOn(): void {
    while (!this.#isAnswering && !this.socket.destroyed) {
      const request = (this.#request ??= this.#takeHead());
      if (request === null || this.#rest.length < request.bodyBytes) return;
      const body = this.#rest.subarray(0, request.bodyBytes);
      this.#rest = this.#rest.subarray(request.bodyBytes);
      this.#request = null;
      const isIntact = body.equals(bodyOf(request.nonce, request.bodyBytes));
      this.#answer(request, isIntact ? 200 : 422);
    }
  }

  /** Null: not complete yet, or over already. */
  #takeHead(): ArrivingRequest | null {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end < 0) return null;
    const request = readRequest(this.#rest.toString("latin1", 0, end + 2));
    this.#rest = this.#rest.subarray(end + 4);
    const origin = this.#origin;
    if (request.path === HEALTH_PATH) origin.healthChecks++;
    else {
      origin.requests++;
      origin.ledger.note(request.nonce, request.method, origin.address);
    }
    const plan = this.#planOf(request);
    if (plan.kind === "rst-after-head") this.socket.resetAndDestroy();
    else if (plan.kind === "early-reply") this.#send(request, 200);
    return request;
  }

  #planOf(request: ArrivingRequest): Plan {
    const plan = this.#origin.planFor(request.plan);
    const isCheck = request.path === HEALTH_PATH;
    if (plan.kind === "lie-health") return isCheck ? OK : { kind: "rst-after-head" };
    if (plan.kind === "slander-health") return isCheck ? { kind: "status", status: 503 } : OK;
    return plan;
  }

  /** All of the request is here. */
  #answer(request: ArrivingRequest, status: number): void {
    const asked = this.#planOf(request);
    const { socket } = this;
    // There is no body to play with.
    const plan = request.method === "HEAD" && (asked.kind === "slow" || asked.kind.startsWith("body-")) ? OK : asked;
    switch (plan.kind) {
      case "hang-after-head":
        this.#isAnswering = true;
        return;
      case "early-reply":
        this.#rested(plan);
        return;
      case "head-then-hang":
        this.#isAnswering = true;
        socket.write(headOf(request, status));
        return;
      case "body-then-rst":
      case "body-then-fin":
        this.#isAnswering = true;
        this.#sendPart(request, plan.bytes, plan.kind === "body-then-rst");
        return;
      case "slow":
        this.#isAnswering = true;
        this.#sendSlowly(request, plan.bytesPerSecond);
        return;
      case "late":
        this.#isAnswering = true;
        this.#paceTimer = setTimeout(() => {
          this.#isAnswering = false;
          this.#send(request, status);
          this.#readOn();
        }, plan.delayMs);
        return;
      case "double-reply":
        this.#send(request, status);
        this.#send({ ...request, nonce: `second-of-${request.nonce}` }, status);
        return;
      case "status":
        this.#send(request, plan.status);
        return;
      default:
        this.#send(request, status);
        this.#rested(plan);
    }
  }

  /** An answer was sent: how does the connection go on? */
  #rested(plan: Plan): void {
    if (plan.kind === "close-when-readable") this.#closesWhenReadable = true;
    if (plan.kind !== "close-idle") return;
    this.#idleTimer = setTimeout(() => this.socket.destroy(), plan.idleMs);
  }

  #send(request: ArrivingRequest, status: number): void {
    const head = headOf(request, status);
    if (request.method === "HEAD") this.socket.write(head);
    else if (isChunked(request)) this.socket.write(Buffer.concat([head, chunked(request)]));
    else this.socket.write(Buffer.concat([head, bodyOf(request.nonce, request.answerBytes)]));
  }

  #sendPart(request: ArrivingRequest, bytes: number, resets: boolean): void {
    const body = isChunked(request) ? chunked(request) : bodyOf(request.nonce, request.answerBytes);
    // All but the last byte at most: a whole message would be no fault.
    const part = body.subarray(0, Math.min(bytes, body.length - 1));
    this.socket.write(Buffer.concat([headOf(request, 200), part]), () => {
      if (resets) this.socket.resetAndDestroy();
      else this.socket.end();
    });
  }

  #sendSlowly(request: ArrivingRequest, bytesPerSecond: number): void {
    const body = bodyOf(request.nonce, request.answerBytes);
    const step = Math.max(1, Math.floor((bytesPerSecond * PACE_MS) / 1000));
    let sent = 0;
    this.socket.write(headOf(request, 200, true));
    this.#paceTimer = setInterval(() => {
      this.socket.write(body.subarray(sent, (sent += step)));
      if (sent < body.length) return;
      clearInterval(this.#paceTimer);
      this.#isAnswering = false;
      this.#readOn();
    }, PACE_MS);
  }

  #stopTimers(): void {
    clearTimeout(this.#idleTimer);
    clearInterval(this.#paceTimer);
  }
}

export const HEALTH_PATH = "/healthz";

const PACE_MS = 25;

interface ArrivingRequest {
  readonly method: string;
  readonly path: string;
  readonly nonce: string;
  readonly plan: string | null;
  readonly bodyBytes: number;
  readonly answerBytes: number;
}

function readRequest(head: string): ArrivingRequest {
  const [method = "", target = ""] = head.slice(0, head.indexOf("\r\n")).split(" ");
  return {
    method,
    path: target.split("?")[0] ?? "",
    nonce: fieldIn(head, "X-Nonce") ?? "",
    plan: fieldIn(head, "X-Plan"),
    bodyBytes: Number(fieldIn(head, "Content-Length") ?? 0),
    answerBytes: Number(fieldIn(head, "X-Answer-Bytes") ?? 0),
  };
}

function fieldIn(head: string, name: string): string | null {
  return new RegExp(`\r\n${name}:[ \t]*([^\r]*)\r\n`, "i").exec(head)?.[1] ?? null;
}

/** Every third answer, so that both framings are seen. */
function isChunked({ nonce, answerBytes }: ArrivingRequest): boolean {
  return answerBytes > 0 && Number(/(\d+)$/.exec(nonce)?.[1] ?? 0) % 3 === 0;
}

function headOf(request: ArrivingRequest, status: number, neverChunked = false): Buffer {
  const framing =
    isChunked(request) && !neverChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${request.answerBytes}`;
  return Buffer.from(`HTTP/1.1 ${status} Chaos\r\nX-Nonce: ${request.nonce}\r\n${framing}\r\n\r\n`, "latin1");
}

function chunked({ nonce, answerBytes }: ArrivingRequest): Buffer {
  const body = bodyOf(nonce, answerBytes);
  const half = Math.ceil(body.length / 2);
  const pieces = [body.subarray(0, half), body.subarray(half)].filter(({ length }) => length > 0);
  const framed = pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}\r\n`), piece, CRLF]);
  return Buffer.concat([...framed, Buffer.from("0\r\n\r\n")]);
}

const CRLF = Buffer.from("\r\n");
