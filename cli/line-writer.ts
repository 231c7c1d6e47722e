/**
 * Lines to standard output or standard error that never block and never fail: they wait in a bounded queue
 * with one write under way. Beyond the bound lines are dropped and counted (A16); once the reader is gone
 * everything is (A17).
 */

import process from "node:process";

/** A16: what may wait while the reader does not read. */
export const QUEUE_BYTES_MAX = 4 * 1024 * 1024;

/** Writes all of it; rejects when the reader is gone. */
export type Sink = (bytes: Uint8Array) => Promise<void>;

export class LineWriter {
  readonly #sink: Sink;
  readonly #queueBytesMax: number;
  #queue: string[] = [];
  #queuedLength = 0;
  #writing: Promise<void> | null = null;
  #dropped = 0;
  #droppedInAll = 0;
  #closed = false;

  constructor(sink: Sink, queueBytesMax: number = QUEUE_BYTES_MAX) {
    this.#sink = sink;
    this.#queueBytesMax = queueBytesMax;
  }

  /** Lines that were not written because the queue was full. */
  get dropped(): number {
    return this.#droppedInAll;
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

  /** When everything is written, or the time is up. */
  async flush(withinMs: number): Promise<void> {
    if (this.#writing === null) return;
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
      try {
        await this.#sink(bytes);
      } catch {
        this.#closed = true;
        this.#queue = [];
      }
    }
    this.#writing = null;
  }
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

function openSink(name: "stdout" | "stderr"): Sink {
  const deno = (globalThis as { Deno?: DenoLike }).Deno;
  // Deno 2.9: process.stdout.write of a pipe nobody reads blocks the whole process; Deno's own does not.
  if (deno !== undefined) {
    return async (bytes) => {
      for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(await deno[name].write(rest));
    };
  }
  const stream = process[name];
  // Without a listener a closed pipe ends the process.
  stream.on("error", () => {});
  return (bytes) =>
    new Promise((resolve, reject) => {
      stream.write(bytes, (error) => (error ? reject(error) : resolve()));
    });
}
