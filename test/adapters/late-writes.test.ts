import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import {
  LateSender,
  type LateWriter,
  paysToWait,
  sendLater,
  sendThrough,
  sendWaiting,
} from "../../adapters/late-writes.ts";
import type { Range } from "../../adapters/range.ts";
import type { SendRing } from "../../adapters/send-ring.ts";

let sent: number[];

beforeEach(() => {
  sent = [];
});

function writer(id: number): LateWriter {
  return { sendLate: () => void sent.push(id), addTo() {}, taken() {} };
}

function write(id: number): void {
  if (paysToWait()) sendLater(writer(id));
  else sent.push(id);
}

const turnEnd = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Turns with so many writes that waiting pays. */
async function getBusy(): Promise<void> {
  for (let turn = 0; turn < 64; turn++) {
    for (let id = 0; id < 8; id++) write(id);
    await turnEnd();
  }
  sent = [];
}

describe("small writes of a turn", () => {
  it("are sent together at its end, in their order", async () => {
    await getBusy();
    for (let id = 0; id < 5; id++) write(id);
    assert.deepEqual(sent, []);
    await turnEnd();
    assert.deepEqual(sent, [0, 1, 2, 3, 4]);
  });

  it("are sent though the one before them throws, and none is said to be sent from within", async () => {
    await getBusy();
    const said: boolean[] = [];
    const throwing: LateWriter = {
      ...writer(0),
      sendLate() {
        said.push(sendWaiting());
        throw new Error("a mistake of ours");
      },
    };
    sendLater(writer(0));
    sendLater(throwing);
    sendLater(writer(1));
    assert.throws(() => sendWaiting(), /a mistake of ours/);
    assert.deepEqual([sent, said], [[0], [false]]);
    await turnEnd();
    assert.deepEqual(sent, [0, 1]);
  });

  it("are sent before, when there are many", async () => {
    await getBusy();
    for (let id = 0; id < 33; id++) write(id);
    assert.equal(sent.length, 32);
    await turnEnd();
    assert.equal(sent.length, 33);
  });

  it("go out at once while turns have one each, and wait again when they have more", async () => {
    await getBusy();
    let late = 0;
    for (let turn = 0; turn < 320; turn++) {
      const before = sent.length;
      write(turn);
      if (sent.length === before) late++;
      await turnEnd();
      assert.equal(sent.length, turn + 1);
    }
    assert.ok(late >= 16 && late < 32, `${late} of 320 lone writes waited`);
    await getBusy();
    for (let id = 0; id < 5; id++) write(id);
    assert.deepEqual(sent, []);
    await turnEnd();
  });
});

/** Tells what came by the ring as `descriptor: bytes`, what by its own way as `own: bytes`. */
class Sender extends LateSender {
  finished = false;
  unsentBytes = 0;
  readonly log: string[];
  readonly #descriptor: number;

  constructor(log: string[], descriptor: number) {
    super();
    this.log = log;
    this.#descriptor = descriptor;
  }

  override get descriptor(): number {
    return this.#descriptor;
  }

  sendNow(bytes: Uint8Array, start: number, end: number): boolean {
    this.log.push(`own: ${bytes.subarray(start, end)}`);
    return true;
  }

  sendBoth(first: Range, second: Range): boolean {
    return this.sendNow(first.bytes, first.start, first.end) && this.sendNow(second.bytes, second.start, second.end);
  }

  destroy(): void {}
}

describe("small writes that something behind them sends", () => {
  it("have waited for nothing: a turn of them is no better than one with a lone write", async () => {
    await getBusy();
    const log: string[] = [];
    for (let turn = 0; turn < 32; turn++) {
      for (const descriptor of [1, 2, 3, 4, 5, 6]) {
        const sender = new Sender(log, descriptor);
        sender.write(new Uint8Array([turn]));
        sender.sendLate();
      }
      await turnEnd();
    }
    assert.equal(log.length, 32 * 6);
    // One might be a probe.
    assert.equal(paysToWait() && paysToWait(), false);
    await getBusy();
  });
});

describe("small writes of a turn, through a ring", () => {
  const log: string[] = [];
  let takes = Number.POSITIVE_INFINITY;
  let sends = 0;
  /** Takes of everything as many bytes as `takes` says. */
  const ring = {
    added: [] as (() => void)[],
    add(writer: LateWriter, descriptor: number, bytes: Uint8Array, start: number, end: number) {
      const taken = Math.min(end - start, takes);
      this.added.push(() => {
        log.push(`${descriptor}: ${bytes.subarray(start, start + taken)}`);
        writer.taken(taken);
      });
    },
    send() {
      sends++;
      for (const send of this.added.splice(0)) send();
    },
  };
  beforeEach(async () => {
    sendThrough(ring as unknown as SendRing);
    await getBusy();
    log.length = 0;
    sends = 0;
    takes = Number.POSITIVE_INFINITY;
  });

  it("go together", async () => {
    for (const descriptor of [5, 6, 7]) new Sender(log, descriptor).write(new Uint8Array([descriptor, 1]));
    assert.deepEqual(log, []);
    await turnEnd();
    assert.deepEqual([log, sends], [["5: 5,1", "6: 6,1", "7: 7,1"], 1]);
  });

  it("go their own way, if there is one alone or no descriptor", async () => {
    new Sender(log, 5).write(new Uint8Array([1]));
    await turnEnd();
    assert.deepEqual([log.splice(0), sends], [["own: 1"], 0]);
    new Sender(log, -1).write(new Uint8Array([1]));
    new Sender(log, 6).write(new Uint8Array([2]));
    await turnEnd();
    assert.deepEqual(log, ["6: 2", "own: 1"]);
  });

  it("go once, though their socket waits twice", async () => {
    const twice = new Sender(log, 5);
    twice.write(new Uint8Array([1]));
    twice.sendLate();
    twice.write(new Uint8Array([2]));
    await turnEnd();
    assert.deepEqual(log, ["own: 1", "5: 2"]);
  });

  it("of which the kernel takes a part or nothing, go on their own way", async () => {
    takes = 2;
    new Sender(log, 5).write(new Uint8Array([1, 2, 3]));
    new Sender(log, 6).write(new Uint8Array([4, 5]));
    await turnEnd();
    assert.deepEqual(log.splice(0), ["5: 1,2", "6: 4,5", "own: 3"]);
    takes = 0;
    new Sender(log, 5).write(new Uint8Array([1, 2, 3]));
    new Sender(log, 6).write(new Uint8Array([4, 5]));
    await turnEnd();
    assert.deepEqual(log, ["5: ", "6: ", "own: 1,2,3", "own: 4,5"]);
  });

  it("are no more, once something behind them has sent them or their socket is finished", async () => {
    const [early, over] = [new Sender(log, 5), new Sender(log, 6)];
    early.write(new Uint8Array([1]));
    over.write(new Uint8Array([2]));
    new Sender(log, 7).write(new Uint8Array([3]));
    early.sendLate();
    over.finished = true;
    await turnEnd();
    assert.deepEqual(log, ["own: 1", "7: 3"]);
  });
});
