import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { Farewell } from "../../../core/h1/farewell.ts";
import { LINGER_BYTES_MAX, LINGER_MS, TICK_MS } from "../../../core/limits.ts";
import { Timers } from "../../../core/time/timers.ts";
import { RecordingSocket } from "../bytes/recording-socket.ts";

class Socket extends RecordingSocket {
  readonly done: string[] = [];
  override destroy(): void {
    this.done.push("destroy");
  }
  override reset(): void {
    this.done.push("reset");
  }
  override pause(): void {
    this.done.push("pause");
  }
}

let socket: Socket;
let timers: Timers;
let isClosed: boolean;

beforeEach(() => {
  socket = new Socket();
  timers = new Timers(0);
  isClosed = false;
});

function begin(queuedBytes: number, hasClientEnded = false): Farewell {
  socket.queuedBytes = queuedBytes;
  const patience = { sendIdleMs: 10_000, takenBytesMin: 5_000 };
  const owner = {
    timers,
    onConnectionClosed: () => {
      isClosed = true;
    },
  };
  return new Farewell(socket, owner, patience, hasClientEnded);
}

const advance = (ms: number): void => {
  for (let passed = 0; passed < ms; passed += TICK_MS) timers.advance(timers.nowMs + TICK_MS);
};

describe("the end of a client connection", () => {
  it("comes at once when both have said all and all is taken", () => {
    begin(0, true);
    assert.deepEqual(socket.done, ["destroy"]);
  });

  it("comes when the client ends, if all is taken; else the socket closes by itself", () => {
    begin(0).onEnd(socket);
    assert.deepEqual(socket.done, ["destroy"]);
    socket.done.length = 0;
    begin(10).onEnd(socket);
    assert.deepEqual(socket.done, []);
  });

  it("waits a moment for a client that may still be sending", () => {
    begin(0);
    advance(LINGER_MS - TICK_MS);
    assert.deepEqual(socket.done, []);
    advance(3 * TICK_MS);
    assert.deepEqual(socket.done, ["destroy"]);
  });

  it("reads so much of what nobody wants, then no more", () => {
    const farewell = begin(0);
    farewell.onData(socket, new Uint8Array(LINGER_BYTES_MAX + 10), 5, LINGER_BYTES_MAX + 5);
    assert.deepEqual(socket.done, []);
    farewell.onData(socket, new Uint8Array(11), 5, 6);
    assert.deepEqual(socket.done, ["pause"]);
  });

  it("waits for a reader that takes enough, and then for its end", () => {
    begin(20_000);
    for (const queued of [15_000, 10_000, 5_000]) {
      socket.queuedBytes = queued;
      advance(10_150);
      assert.deepEqual(socket.done, []);
    }
    socket.queuedBytes = 0;
    advance(LINGER_MS - TICK_MS);
    assert.deepEqual(socket.done, []);
    advance(LINGER_MS + 4 * TICK_MS);
    assert.deepEqual(socket.done, ["destroy"]);
  });

  it("is not put off for the time of slow readers by a queue that was empty a moment later", () => {
    const farewell = begin(200);
    socket.queuedBytes = 0;
    // From here on nothing is read: that the client ends would not be noticed.
    farewell.onData(socket, new Uint8Array(LINGER_BYTES_MAX + 1), 0, LINGER_BYTES_MAX + 1);
    advance(2 * LINGER_MS + 4 * TICK_MS);
    assert.deepEqual(socket.done, ["pause", "destroy"]);
  });

  it("is a reset for a reader that takes too little: the rest is lost, and must be seen to be", () => {
    begin(20_000);
    socket.queuedBytes = 15_001;
    advance(10_150);
    assert.deepEqual(socket.done, ["reset"]);
  });

  it("is told once, and leaves no deadline", () => {
    const farewell = begin(10);
    farewell.onClose();
    assert.ok(isClosed);
    advance(30_000);
    assert.deepEqual(socket.done, []);
  });
});
