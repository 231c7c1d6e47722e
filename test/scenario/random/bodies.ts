/** What hooks and programs make of bodies in random stories, and what has to come of it. */

import type { SimClock } from "../../../testing/sim-clock.ts";
import { bytesOfText, textOfBytes } from "../../../testing/wire.ts";

type Bytes = ReadableStream<Uint8Array>;

export interface Kind {
  /** Another body, or whatever code may answer instead of one. */
  make(body: Bytes, streams: Streams): unknown;
  /** Of all of a body; null: nothing whole ever comes of it. */
  whole(text: string): string | null;
}

export const FIRST_BYTES = 50;
/** Longer than hooks may take. */
export const PAUSE_MS_MAX = 600;
const PAUSES_MS = [0, 0, 0, 0, 1, 30, 300, PAUSE_MS_MAX];

/** The streams of one story: whoever reads or makes them has to come to an end. */
export class Streams {
  /** Made, and neither ended nor cancelled. */
  open = 0;
  /** Reads that were not answered. */
  reading = 0;
  readonly #clock: SimClock;
  readonly #pick: <T>(items: readonly T[]) => T;

  constructor(clock: SimClock, pick: <T>(items: readonly T[]) => T) {
    this.#clock = clock;
    this.#pick = pick;
  }

  pause(): Promise<void> {
    const delayMs = this.#pick(PAUSES_MS);
    return delayMs === 0 ? Promise.resolve() : new Promise((resolve) => this.#clock.appoint(delayMs, resolve));
  }

  async read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | null> {
    this.reading++;
    try {
      const { done, value } = await reader.read();
      return done ? null : textOfBytes(value);
    } finally {
      this.reading--;
    }
  }

  /** `next` gives a text, null at the end. */
  made(next: () => Promise<string | null>, onCancel: () => void = () => {}): Bytes {
    let isOpen = true;
    this.open++;
    const end = (): void => {
      if (isOpen) this.open--;
      isOpen = false;
    };
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const text = await next();
            if (!isOpen) return;
            if (text !== null) controller.enqueue(bytesOfText(text));
            else {
              end();
              controller.close();
            }
          } catch (error) {
            end();
            controller.error(error);
          }
        },
        cancel: () => {
          end();
          onCancel();
        },
      },
      { highWaterMark: this.#pick([0, 1]) },
    );
  }

  /** Each piece of `body` changed, `before` in front of it; `end` after the last one, to give more or to fail. */
  changed(
    body: Bytes,
    change: (text: string) => string,
    { before = "", end = async () => null }: { before?: string; end?: () => Promise<string | null> } = {},
  ): Bytes {
    const reader = body.getReader();
    let first = before;
    let hasPaused = false;
    let isOver = false;
    const next = async (): Promise<string | null> => {
      const start = first;
      first = "";
      if (start !== "") return start;
      if (!hasPaused) await this.pause();
      hasPaused = true;
      const text = isOver ? null : await this.read(reader);
      if (text !== null) return change(text);
      const last = isOver ? null : await end();
      isOver = true;
      return last;
    };
    return this.made(next, () => void reader.cancel().catch(() => {}));
  }
}

const never = new Promise<null>(() => {});
const same = (text: string): string => text;
const nothing = (): null => null;

const boom = (): never => {
  throw new Error("boom");
};

export const KINDS: Readonly<Record<string, Kind>> = {
  passes: { make: (_body, streams) => streams.pause().then(() => undefined), whole: same },
  "changes each piece": {
    make: (body, streams) => streams.changed(body, (text) => text.toUpperCase()),
    whole: (text) => text.toUpperCase(),
  },
  "makes it longer": {
    make: (body, streams) => streams.changed(body, (text) => text.replace(/./g, "$&$&")),
    whole: (text) => text.replace(/./g, "$&$&"),
  },
  "writes before it reads": {
    make: (body, streams) => streams.changed(body, same, { before: "<", end: async () => ">" }),
    whole: (text) => `<${text}>`,
  },
  "has enough of it": {
    make(body, streams) {
      const reader = body.getReader();
      let left = FIRST_BYTES;
      return streams.made(async () => {
        const text = left === 0 ? null : await streams.read(reader);
        const part = text === null ? null : text.slice(0, left);
        left -= part?.length ?? 0;
        if (left === 0) void reader.cancel().catch(() => {});
        return part;
      });
    },
    whole: (text) => text.slice(0, FIRST_BYTES),
  },
  "does not read it": {
    make(_body, streams) {
      const parts = ["some", "thing", "else"];
      return streams.made(() => streams.pause().then(() => parts.shift() ?? null));
    },
    whole: () => "somethingelse",
  },
  "reads all of it first": {
    async make(body, streams) {
      const reader = body.getReader();
      let all = "";
      for (let text: string | null = ""; text !== null; text = await streams.read(reader)) all += text;
      return new Response(`${all}!`).body;
    },
    whole: (text) => `${text}!`,
  },
  "stands still before": { make: () => never, whole: nothing },
  "stands still within": {
    make: (body, streams) => {
      body.getReader();
      return streams.made(() => never);
    },
    whole: nothing,
  },
  "stands still behind the end": {
    make: (body, streams) => streams.changed(body, same, { end: () => never }),
    whole: nothing,
  },
  "reads all of it and stands still": {
    async make(body, streams) {
      const reader = body.getReader();
      while ((await streams.read(reader)) !== null);
      return never;
    },
    whole: nothing,
  },
  fails: { make: boom, whole: nothing },
  "fails behind the end": {
    make: (body, streams) => streams.changed(body, same, { end: async () => boom() }),
    whole: nothing,
  },
  "is nonsense": { make: () => 5, whole: nothing },
};
