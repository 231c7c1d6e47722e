import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { type LateWriter, paysToWait, sendLater, sendWaiting } from "../../adapters/late-writes.ts";

let sent: number[];

beforeEach(() => {
  sent = [];
});

function writer(id: number): LateWriter {
  return { sendLate: () => void sent.push(id) };
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
