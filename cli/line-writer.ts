/**
 * Lines to standard output or standard error that never block and never fail: they wait in a bounded queue
 * with one write under way. Beyond the bound lines are dropped and counted (A16); once the reader is gone
 * everything is (A17). A disk that is full is tried again until it isn't; only a result is given up for it.
 */

import { constants, fstatSync, openSync, write, writeSync } from "node:fs";
import process from "node:process";
import { isatty } from "node:tty";
import { isPermitted } from "../adapters/permission.ts";
import { errorText } from "../core/script/error-text.ts";

/** A16: what may wait while the reader does not read. */
export const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** How long after a failure the same bytes are tried again. */
const RETRY_MS = 1_000;
const PIPE_BYTES_WHOLE = 4_096;
/** How often a pipe or terminal that stays full is asked whether it has room; one that is read has soon. */
const FULL_MS_MAX = 20;

/** Writes as much as it can, and answers how much; rejects with the system's error. */
export type Sink = (bytes: Uint8Array) => Promise<number>;

export class LineWriter {
  readonly #sink: Sink;
  readonly #queueBytesMax: number;
  readonly #retryMs: number | null;
  #queue: string[] = [];
  #queuedLength = 0;
  #writing: Promise<void> | null = null;
  #dropped = 0;
  #droppedInAll = 0;
  #closed = false;
  #failure: string | null = null;

  /** `retryMs` null: what can't be written ends it, see `failure`. */
  constructor(sink: Sink, queueBytesMax: number = QUEUE_BYTES_MAX, retryMs: number | null = RETRY_MS) {
    this.#sink = sink;
    this.#queueBytesMax = queueBytesMax;
    this.#retryMs = retryMs;
  }

  /** Lines that were not written because the queue was full. */
  get dropped(): number {
    return this.#droppedInAll;
  }

  /** Why not everything could be written; null also where nobody reads any more. */
  get failure(): string | null {
    return this.#failure;
  }

  write(line: string): void {
    if (this.#closed) return;
    // Every UTF-16 unit is at least one byte; close enough for a bound.
    if (this.#queuedLength + line.length + 1 > this.#queueBytesMax) {
      this.#dropped++;
      this.#droppedInAll++;
      return;
    }
    this.#queue.push(line);
    this.#queuedLength += line.length + 1;
    this.#writing ??= this.#drain();
  }

  /** When everything is written, or the time is up; without a time, when whoever reads has taken it, or is gone. */
  async flush(withinMs?: number): Promise<void> {
    if (this.#writing === null || withinMs === undefined) return this.#writing ?? undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, withinMs);
    });
    await Promise.race([this.#writing, deadline]);
    clearTimeout(timer);
  }

  async #drain(): Promise<void> {
    const encoder = new TextEncoder();
    // The rest of this turn's lines come along in one write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      if (this.#dropped > 0) this.#queue.push(`millrace: ${this.#dropped} log lines dropped, nobody read them in time`);
      this.#dropped = 0;
      const bytes = encoder.encode(`${this.#queue.join("\n")}\n`);
      this.#queue = [];
      this.#queuedLength = 0;
      await this.#writeAll(bytes);
    }
    this.#writing = null;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length && !this.#closed) {
      try {
        written += await this.#sink(bytes.subarray(written));
      } catch (error) {
        const isGone = isForGood(error);
        if (!isGone && this.#retryMs !== null) {
          await pause(this.#retryMs);
          continue;
        }
        if (!isGone) this.#failure = errorText(error);
        this.#closed = true;
        this.#queue = [];
      }
    }
  }
}

/** Nobody will ever read it. */
function isForGood(error: unknown): boolean {
  return FOR_GOOD.has((error as { code?: string }).code ?? "");
}

const FOR_GOOD: ReadonlySet<string> = new Set([
  "EPIPE",
  "EBADF",
  "ECONNRESET",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
]);

/** Holds nobody up who wants to leave. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    (timer as { unref?: () => void }).unref?.();
  });
}

interface DenoStream {
  write(bytes: Uint8Array): Promise<number>;
}

interface DenoLike {
  readonly stdout: DenoStream;
  readonly stderr: DenoStream;
}

export const standardOutput: LineWriter = new LineWriter(openSink("stdout"));
export const standardError: LineWriter = new LineWriter(openSink("stderr"));

/** Where a command writes what it was asked for, and where it says what is wrong. */
export interface Outputs {
  readonly out: Pick<LineWriter, "write" | "flush">;
  readonly err: Pick<LineWriter, "write">;
}

/** A result is not a log: all of it waits until it is read, in `less` for an hour, and nothing is dropped. */
export const results: LineWriter = new LineWriter(patient(openSink("stdout")), Number.POSITIVE_INFINITY, null);
export const standardOutputs: Outputs = { out: results, err: standardError };

function openSink(name: "stdout" | "stderr"): Sink {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  // Deno 2.9: process.stdout.write of a pipe nobody reads blocks the whole process; Deno's own does not.
  if (deno !== undefined) return (bytes) => deno[name].write(bytes);
  const fd = name === "stdout" ? 1 : 2;
  const own = openOwn(fd);
  if (own !== null) return askingAgain(fileSink(own), ({ code }) => code === "EAGAIN");
  return takesStream(fd) ? streamSink(process[name]) : fileSink(fd);
}

/**
 * Node's and Bun's streams block the whole process while a terminal is held, by Ctrl-S or by a connection that hangs, and
 * while a pipe is full that another program was started with, as the compiler of scripts is with standard error: for that
 * one it waits again (libuv's `uv_spawn` on Node 20 and 24; Bun 1.4). So both are opened once more, for us alone: who shares
 * the first descriptor would not expect writes that do not wait.
 */
function openOwn(fd: number): number | null {
  const path = `/dev/fd/${fd}`;
  try {
    if (!isatty(fd) && !fstatSync(fd).isFIFO()) return null;
    if (!isPermitted({ name: "write", path })) return null;
    return openSync(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch {
    // Another user's terminal or pipe, after su; nobody who reads; or a system without such paths.
    return null;
  }
}

/** Said on standard error while the process ends: at once, or not at all where nobody reads, or has for long. */
export function sayAtEnd(line: string): void {
  try {
    writeSync(openOwn(2) ?? 2, `${line}\n`);
  } catch {
    // An error from here would come out of `process.exit`, and nothing would have ended.
  }
}

/** Of a sink that fails instead of waiting: what is full is asked again a little later. */
function askingAgain(sink: Sink, isFull: (error: Error & { readonly code?: string }) => boolean): Sink {
  let fullMs = 1;
  return async (bytes) => {
    try {
      const written = await sink(bytes);
      fullMs = 1;
      return written;
    } catch (error) {
      if (!isFull(error as Error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, fullMs));
      fullMs = Math.min(2 * fullMs, FULL_MS_MAX);
      return 0;
    }
  };
}

/**
 * Deno does not wait for a pipe that is full and does not block. Up to 4 KiB a pipe takes as a whole or not at all
 * (`PIPE_BUF`); of more nobody would know how much it took before it said so.
 */
export function patient(sink: Sink): Sink {
  if (!("Deno" in globalThis)) return sink;
  return askingAgain(
    (bytes) => sink(bytes.subarray(0, PIPE_BYTES_WHOLE)),
    ({ name }) => name === "WouldBlock",
  );
}

/** Sockets: the runtime's stream waits for them without blocking. Terminals and pipes only where there is no other way. */
function takesStream(fd: number): boolean {
  if (isatty(fd)) return true;
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return true;
  }
}

function streamSink(stream: NodeJS.WriteStream): Sink {
  // Without a listener a closed pipe ends the process.
  stream.on("error", () => {});
  return (bytes) =>
    new Promise((resolve, reject) => {
      neverWait(stream);
      stream.write(bytes, (error) => (error ? reject(error) : resolve(bytes.length)));
    });
}

/** A socket cannot be opened once more: on Node it is told anew, because of `uv_spawn` (see `openOwn`). */
function neverWait(stream: NodeJS.WriteStream): void {
  const { _handle: handle } = stream as { _handle?: { setBlocking?(isBlocking: boolean): void } | null };
  handle?.setBlocking?.(false);
}

/** Not the runtime's stream: that blocks while the disk is slow, and is dead after the first error. */
function fileSink(fd: number): Sink {
  return (bytes) =>
    new Promise((resolve, reject) => {
      write(fd, bytes, 0, bytes.length, null, (error, written) => (error ? reject(error) : resolve(written)));
    });
}
