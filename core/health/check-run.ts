/**
 * One check of one server: a connection of its own, something said over it, one verdict, all within one deadline.
 * What is said is the `Conversation`'s business.
 */

import type { Slab } from "../bytes/slab.ts";
import { HIGH_WATER_BYTES } from "../limits.ts";
import type { Address, Attempt, Runtime, Socket, SocketError } from "../runtime.ts";
import { Timer, type TimerOwner, type Timers } from "../time/timers.ts";
import type { AgentReply } from "./agent-reply.ts";

/** What checks need of the world. */
export interface CheckSurroundings {
  readonly runtime: Runtime;
  readonly timers: Timers;
  readonly slab: Slab;
}

export interface CheckResult {
  /** `unknown`: it was ours to fail, and says nothing about the server. */
  readonly verdict: "passed" | "failed" | "unknown";
  /** What became of the connection. */
  readonly port: "accepted" | "refused" | "unknown";
  /** Reads behind "a check failed:". */
  readonly reason: string;
  /** Of an agent. */
  readonly reply?: AgentReply;
}

/** Starts when there is a connection; calls `finish` once, maybe at once. Answers how to let go of the socket. */
export type Conversation = (socket: Socket, finish: Finish) => () => void;
export type Finish = (verdict: "passed" | "failed", reason: string, reply?: AgentReply) => void;

export interface CheckRunOwner {
  /** At most once; not when it was cancelled. */
  onResult(result: CheckResult): void;
  /** Exactly once: it holds nothing any more. */
  onReleased(): void;
}

export class CheckRun implements TimerOwner {
  readonly #timers: Timers;
  readonly #timer = new Timer(this);
  readonly #timeoutMs: number;
  readonly #converse: Conversation;
  /** Null once the check is over. */
  #done: ((result: CheckResult) => void) | null;
  readonly #released: () => void;
  #attempt: Attempt | null = null;
  #letGo: (() => void) | null = null;
  #isConnected = false;

  constructor(timers: Timers, timeoutMs: number, converse: Conversation, owner: CheckRunOwner) {
    this.#timers = timers;
    this.#timeoutMs = timeoutMs;
    this.#converse = converse;
    this.#done = (result) => owner.onResult(result);
    this.#released = () => owner.onReleased();
  }

  start(runtime: Runtime, address: Address): void {
    this.#timers.set(this.#timer, this.#timeoutMs);
    const options = { address, highWaterBytes: HIGH_WATER_BYTES, tls: null };
    this.#attempt = runtime.connect(options, (error, socket) => this.#connected(error, socket));
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    if (this.#done !== null) this.#end();
  }

  onTimer(): void {
    const what = this.#isConnected ? "no complete answer" : "no connection";
    this.#finish({
      verdict: "failed",
      port: this.#isConnected ? "accepted" : "unknown",
      reason: `${what} within ${this.#timeoutMs} ms`,
    });
  }

  #connected(error: SocketError | null, socket: Socket | null): void {
    this.#attempt = null;
    if (this.#done === null) {
      socket?.destroy();
      this.#released();
      return;
    }
    if (socket === null) {
      this.#finish(resultOf(error!));
      return;
    }
    this.#isConnected = true;
    const letGo = this.#converse(socket, (verdict, reason, reply) =>
      this.#finish({ verdict, port: "accepted", reason, ...(reply !== undefined && { reply }) }),
    );
    if (this.#done === null) letGo();
    else this.#letGo = letGo;
  }

  #finish(result: CheckResult): void {
    const done = this.#done;
    if (done === null) return;
    this.#end();
    done(result);
  }

  #end(): void {
    this.#done = null;
    this.#timers.remove(this.#timer);
    this.#letGo?.();
    this.#letGo = null;
    // A connect that is given up has its descriptor until it says so.
    if (this.#attempt !== null) this.#attempt.cancel();
    else this.#released();
  }
}

function resultOf({ code }: SocketError): CheckResult {
  switch (code) {
    case "ECONNREFUSED":
    case "ENOENT":
      return { verdict: "failed", port: "refused", reason: "the connection was refused" };
    case "EMFILE":
    case "ENFILE":
    case "EADDRNOTAVAIL":
      return { verdict: "unknown", port: "unknown", reason: "no descriptor or port was left to check with" };
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return { verdict: "failed", port: "refused", reason: "there is no route to it" };
    default:
      return { verdict: "failed", port: "unknown", reason: `no connection could be made (${code})` };
  }
}
