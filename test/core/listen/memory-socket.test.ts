import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { memorySocketPair } from "../../../core/listen/memory-socket.ts";
import type { Address, Socket } from "../../../core/runtime.ts";
import { Recorder } from "../../adapters/contract/recorder.ts";

const LOCAL: Address = { kind: "unix", path: "" };
const CLIENT: Address = { kind: "tcp", host: "192.0.2.7", port: 1234 };

let tasks: (() => void)[];
let first: Socket;
let second: Socket;
let one: Recorder;
let two: Recorder;

function drive(): void {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task();
}

const bytes = (count: number) => new Uint8Array(count).fill(7);

beforeEach(() => {
  tasks = [];
  const later = (task: () => void) => void tasks.push(task);
  [first, second] = memorySocketPair({ local: LOCAL, peer: CLIENT, highWaterBytes: 100, later });
  one = new Recorder();
  two = new Recorder();
  first.handler = one;
  second.handler = two;
});

describe("a pair of sockets in memory", () => {
  it("knows whom it talks to", () => {
    assert.deepEqual([first.local, first.peer], [LOCAL, CLIENT]);
    assert.deepEqual([second.local, second.peer], [CLIENT, LOCAL]);
    assert.deepEqual([first.tls, second.tls], [null, null]);
    const tls = { alpn: "", serverName: null, protocol: "", cipher: "", peerCertificate: null, authorized: false };
    const later = (task: () => void) => void tasks.push(task);
    const [secure, plain] = memorySocketPair({ local: LOCAL, peer: CLIENT, tls, highWaterBytes: 100, later });
    assert.deepEqual([secure.tls, plain.tls], [tls, null]);
  });

  it("starts paused, and carries bytes both ways once resumed, never from inside a call", () => {
    first.write(bytes(3));
    second.write(bytes(5));
    drive();
    assert.deepEqual([one.events, two.events], [[], []]);
    one.during(() => two.during(() => [first.resume(), second.resume()]));
    drive();
    assert.deepEqual([one.receivedBytes, two.receivedBytes], [5, 3]);
    assert.deepEqual([one.events, two.events], [["data"], ["data"]]);
  });

  it("hands over copies, of the range that was written", () => {
    const shared = Uint8Array.of(1, 2, 3, 4);
    first.writeRange(shared, 1, 3);
    shared.fill(0xdd);
    second.resume();
    drive();
    assert.deepEqual([...two.chunks[0]!], [2, 3]);
  });

  it("answers false from the high mark on, and calls onDrain once, at the low mark", () => {
    assert.equal(first.write(bytes(99)), true);
    assert.equal(first.write(bytes(1)), false);
    assert.equal(first.queuedBytes, 100);
    drive();
    assert.deepEqual(one.events, []);
    second.resume();
    drive();
    assert.deepEqual([one.events, first.queuedBytes], [["drain"], 0]);
  });

  it("stops at once when it is paused from inside an event", () => {
    two.onBytes = (socket) => socket.pause();
    first.write(bytes(60));
    first.write(bytes(60));
    second.resume();
    drive();
    assert.deepEqual([two.receivedBytes, first.queuedBytes, one.events], [60, 60, []]);
    second.resume();
    drive();
    assert.deepEqual([two.receivedBytes, one.events], [120, ["drain"]]);
  });

  it("ends one direction and goes on in the other; closes both when both have ended", () => {
    first.resume();
    second.resume();
    first.write(bytes(2));
    first.end();
    drive();
    assert.deepEqual([two.events, one.events], [["data", "end"], []]);
    assert.equal(first.write(bytes(200)), true);
    second.write(bytes(4));
    second.end();
    drive();
    assert.deepEqual(one.events, ["data", "end", "close"]);
    assert.deepEqual(two.events, ["data", "end", "close"]);
  });

  it("lets the other end see an orderly end when it is destroyed with nothing left, and refuses what is written then", () => {
    second.resume();
    first.destroy();
    drive();
    assert.deepEqual([one.events, two.events], [["close"], ["end"]]);
    second.write(bytes(1));
    drive();
    assert.deepEqual(two.events, ["end", "close ECONNRESET"]);
  });

  it("lets the other end have what was written before it is destroyed", () => {
    first.write(bytes(1));
    first.destroy();
    drive();
    assert.deepEqual([one.events, two.events, first.queuedBytes], [["close"], [], 0]);
    second.resume();
    drive();
    assert.deepEqual([two.events, first.queuedBytes], [["data", "end"], 0]);
  });

  it("lets the other end see a reset when bytes are lost, its own or ours", () => {
    first.write(bytes(100));
    first.destroy();
    drive();
    assert.deepEqual([one.events, two.events], [["close"], ["close ECONNRESET"]]);
  });

  it("lets the other end see a reset when what that wrote is lost", () => {
    second.resume();
    first.write(bytes(1));
    second.write(bytes(1));
    first.destroy();
    drive();
    assert.deepEqual([one.events, two.events], [["close"], ["close ECONNRESET"]]);
  });

  it("closes once and last, whatever is called afterwards", () => {
    second.resume();
    first.write(bytes(1));
    one.during(() => two.during(() => first.reset()));
    first.reset();
    first.destroy();
    first.end();
    second.destroy();
    drive();
    // The second end was reset, and then destroyed before it was told.
    assert.deepEqual([one.events, two.events], [["close"], ["close"]]);
    assert.deepEqual([first.queuedBytes, first.write(bytes(500)), second.write(bytes(500))], [0, true, true]);
  });

  it("is reset by a defect of its owner, which is thrown", () => {
    two.onBytes = () => {
      throw new Error("a defect");
    };
    second.resume();
    first.write(bytes(1));
    assert.throws(drive, /a defect/);
    drive();
    assert.deepEqual([one.events, two.events.at(-1)], [["close ECONNRESET"], "close"]);
  });
});
