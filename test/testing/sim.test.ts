import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Listener, Runtime, Socket, SocketError, SocketHandler } from "../../core/runtime.ts";
import { createSimulation, type Simulation, type SimulationOptions } from "../../testing/sim.ts";
import { addressOf, bytesOfText, textOfBytes } from "../../testing/wire.ts";

const ADDRESS = "127.0.0.1:80";

/** The code under test here: one accepted or connected socket and what it was told. */
interface Probe extends SocketHandler {
  socket: Socket | null;
  readonly events: string[];
  readonly chunks: Uint8Array[];
  /** What the chunks came in. */
  readonly memories: Uint8Array[];
}

function probe(): Probe {
  const events: string[] = [];
  const chunks: Uint8Array[] = [];
  const memories: Uint8Array[] = [];
  return {
    socket: null,
    events,
    chunks,
    memories,
    onData(_socket, memory, start, end) {
      const bytes = memory.subarray(start, end);
      chunks.push(bytes);
      memories.push(memory);
      events.push(`data ${textOfBytes(bytes).slice(0, 20)}`);
    },
    onDrain: () => void events.push("drain"),
    onEnd: () => void events.push("end"),
    onClose: (_socket, error) => void events.push(`close ${error?.code ?? "null"}`),
  };
}

function listenOn(runtime: Runtime, server: Probe, { reads = true, highWaterBytes = 1000 } = {}): Promise<Listener> {
  return runtime.listen(
    { address: addressOf(ADDRESS), backlog: 10, reusePort: false, highWaterBytes, tls: null },
    {
      onSocket(socket) {
        server.socket = socket;
        socket.handler = server;
        if (reads) socket.resume();
      },
      onAcceptError: (error) => void server.events.push(`accept ${error.code}`),
    },
  );
}

interface Connected {
  readonly error: SocketError | null;
  readonly socket: Socket | null;
}

function connectTo(sim: Simulation, address: string, handler: SocketHandler, log: Connected[]) {
  const options = { address: addressOf(address), highWaterBytes: 1000, tls: null };
  return sim.runtime.connect(options, (error, socket) => {
    log.push({ error, socket });
    if (socket !== null) socket.handler = handler;
  });
}

async function pair(options: Partial<SimulationOptions> = {}, listenOptions = {}) {
  const sim = createSimulation({ seed: 1, ...options });
  const server = probe();
  await listenOn(sim.runtime, server, listenOptions);
  const client = sim.connect(ADDRESS);
  sim.drive();
  const socket = server.socket as Socket;
  assert.ok(socket, "the connection was accepted");
  return { sim, server, client, socket };
}

describe("createSimulation: bytes", () => {
  it("carries bytes both ways, whole and in order", async () => {
    const { sim, server, client, socket } = await pair();
    client.send("one");
    client.send("two");
    sim.drive();
    assert.deepEqual(server.events, ["data one", "data two"]);
    socket.writeMore(bytesOfText("(three"), 1, 6);
    socket.writeRange(bytesOfText("four"), 0, 4);
    socket.writeRange(bytesOfText("(five)"), 1, 5);
    sim.drive();
    assert.equal(client.text(), "threefourfive");
  });

  it("cuts what is sent into bytes, at one offset, or at random", async () => {
    for (const [segments, expected] of [
      [{ kind: "whole" }, ["abcde", "fg"]],
      [{ kind: "bytes" }, ["a", "b", "c", "d", "e", "f", "g"]],
      [{ kind: "split", offset: 2 }, ["ab", "cde", "fg"]],
      [{ kind: "split", offset: 6 }, ["abcde", "f", "g"]],
      [{ kind: "split", offset: 5 }, ["abcde", "fg"]],
    ] as const) {
      const sim = createSimulation({ seed: 3 });
      const server = probe();
      await listenOn(sim.runtime, server);
      const client = sim.connect(ADDRESS, { segments });
      client.send("abcde");
      client.send("fg");
      sim.drive();
      assert.deepEqual(server.chunks.map(textOfBytes), expected, segments.kind);
    }
    const sim = createSimulation({ seed: 3 });
    const server = probe();
    await listenOn(sim.runtime, server);
    const client = sim.connect(ADDRESS, { segments: { kind: "random", bytesMax: 7 } });
    const sent = "0123456789".repeat(30);
    client.send(sent);
    sim.drive();
    assert.equal(server.chunks.map(textOfBytes).join(""), sent);
    assert.ok(server.chunks.length > 40, "in many pieces");
    assert.ok(server.chunks.every((chunk) => chunk.length <= 7));
    assert.ok(new Set(server.chunks.map((chunk) => chunk.length)).size > 3, "of different lengths");
  });

  it("overwrites what it was given to write and notices when it comes again", async () => {
    const { sim, client, socket } = await pair();
    const mine = bytesOfText("a constant, written twice");
    socket.write(mine);
    assert.ok(mine.every((byte) => byte === 0xdd));
    sim.drive();
    assert.equal(client.text(), "a constant, written twice");
    socket.write(mine);
    assert.throws(() => sim.drive(), /given away/);
  });

  it("overwrites a chunk that is given back", async () => {
    const { sim, server, client, socket } = await pair();
    client.send("looked at too late");
    sim.drive();
    const chunk = server.chunks[0] as Uint8Array;
    socket.release(server.memories[0]!);
    assert.ok(chunk.every((byte) => byte === 0xdd));
  });

  it("gives chunks that nobody else holds", async () => {
    const { sim, server, client } = await pair();
    const bytes = bytesOfText("hello");
    client.send(bytes);
    bytes.fill(0);
    sim.drive();
    assert.equal(textOfBytes(server.chunks[0] as Uint8Array), "hello");
    const around = new Uint8Array(server.chunks[0]!.buffer);
    assert.equal(around.filter((byte) => byte === 0xdd).length, around.length - 5);
  });
});

describe("createSimulation: backpressure", () => {
  it("answers false from the high mark on, and drains once at half of it", async () => {
    const { sim, server, client, socket } = await pair({ kernelBytesMax: 100 });
    client.stopReading();
    assert.equal(socket.write(new Uint8Array(100)), true, "the kernel took it all");
    assert.equal(socket.queuedBytes, 0);
    assert.equal(socket.write(new Uint8Array(999)), true);
    assert.equal(socket.queuedBytes, 999);
    assert.equal(socket.write(new Uint8Array(1)), false);
    sim.drive();
    assert.equal(socket.queuedBytes, 1000, "a reader that does not read moves nothing");
    assert.deepEqual(server.events, []);
    client.readOn();
    sim.drive();
    assert.deepEqual(server.events, ["drain"]);
    assert.equal(socket.queuedBytes, 0);
    assert.equal(client.receivedBytes, 1100);
  });

  it("can take bytes only after write has returned", async () => {
    const { sim, client, socket } = await pair({ eagerWrites: false });
    assert.equal(socket.write(new Uint8Array(1000)), false);
    assert.equal(socket.queuedBytes, 1000);
    sim.drive();
    assert.equal(socket.queuedBytes, 0);
    assert.equal(client.receivedBytes, 1000);
  });

  it("delivers nothing before resume and nothing after pause", async () => {
    const { sim, server, client, socket } = await pair({}, { reads: false });
    client.send("abc");
    client.end();
    sim.drive();
    assert.deepEqual(server.events, []);
    socket.resume();
    assert.deepEqual(server.events, [], "not from inside resume");
    socket.pause();
    sim.drive();
    assert.deepEqual(server.events, []);
    socket.resume();
    sim.drive();
    assert.deepEqual(server.events, ["data abc", "end"]);
  });

  it("lets a peer read slowly, as time goes by", async () => {
    const { sim, client, socket } = await pair({ kernelBytesMax: 100 });
    client.readSlowly(1000);
    for (let i = 0; i < 10; i++) socket.write(new Uint8Array(100));
    sim.drive();
    assert.equal(client.receivedBytes, 100);
    sim.advance(450);
    assert.equal(client.receivedBytes, 500);
    sim.advance(1000);
    assert.equal(client.receivedBytes, 1000);
  });
});

describe("createSimulation: ends", () => {
  it("half-closes both ways and closes when both are done", async () => {
    const { sim, server, client, socket } = await pair();
    client.send("last");
    client.end();
    sim.drive();
    assert.deepEqual(server.events, ["data last", "end"]);
    socket.write(bytesOfText("still heard"));
    socket.end();
    assert.equal(socket.write(bytesOfText("too late")), true);
    sim.drive();
    assert.equal(client.text(), "still heard");
    assert.equal(client.closed, "end");
    assert.deepEqual(server.events, ["data last", "end", "close null"]);
    assert.ok(client.isGone);
  });

  it("tells a reset apart, once and last", async () => {
    const { sim, server, client } = await pair();
    client.send("x");
    client.reset();
    sim.drive();
    assert.deepEqual(server.events, ["data x", "close ECONNRESET"]);
    assert.deepEqual(sim.openSockets(), ["listener 127.0.0.1:80"]);
  });

  it("reports our own destroy without an error, never from inside the call", async () => {
    const { sim, server, client, socket } = await pair();
    socket.write(bytesOfText("bye"));
    socket.destroy();
    socket.destroy();
    assert.deepEqual(server.events, []);
    sim.drive();
    assert.deepEqual(server.events, ["close null"]);
    assert.equal(client.text(), "bye");
    assert.equal(client.closed, "end");
  });

  it("resets the peer when closed with bytes unread, and destroys what it had not read", async () => {
    const { sim, client, socket } = await pair({}, { reads: false });
    client.send("unread");
    sim.drive();
    socket.write(bytesOfText("an answer nobody will see"));
    socket.destroy();
    sim.drive();
    assert.equal(client.closed, "reset");
    assert.equal(client.text(), "");
  });

  it("resets a peer that goes on sending after the close", async () => {
    const { sim, client, socket } = await pair();
    client.send("first");
    sim.drive();
    socket.destroy();
    client.send("second");
    sim.drive();
    assert.equal(client.closed, "reset");
  });

  it("can hide a reset from a paused socket until it is resumed", async () => {
    const { sim, server, client, socket } = await pair({ noticesResetWhilePaused: false }, { reads: false });
    client.reset();
    sim.drive();
    assert.deepEqual(server.events, []);
    socket.resume();
    sim.drive();
    assert.deepEqual(server.events, ["close ECONNRESET"]);
  });

  it("destroys instead where the runtime cannot reset", async () => {
    const { sim, client, socket } = await pair({ capabilities: { reset: false } });
    socket.reset();
    sim.drive();
    assert.equal(client.closed, "end");
  });
});

describe("createSimulation: connecting", () => {
  it("connects by address and over a path, and resolves names", async () => {
    const sim = createSimulation({ seed: 5 });
    for (const address of ["10.0.0.7:81", "unix:/run/app.sock"]) {
      sim.serve(address, (peer) => peer.send(`from ${address}`));
    }
    sim.name("app.internal", "10.0.0.7");
    const log: Connected[] = [];
    const handler = probe();
    const hosts: (string | undefined)[] = [];
    const question = { name: "app.internal", type: "A", servers: [], timeoutMs: 1 } as const;
    sim.runtime.resolve(question, (_, answer) => hosts.push(answer?.records[0]?.host));
    connectTo(sim, "10.0.0.7:81", handler, log);
    connectTo(sim, "unix:/run/app.sock", handler, log);
    assert.equal(log.length + hosts.length, 0, "never from inside the call");
    sim.drive();
    assert.deepEqual(hosts, ["10.0.0.7"]);
    assert.deepEqual(handler.events, [], "paused");
    for (const { socket } of log) socket?.resume();
    sim.drive();
    assert.deepEqual(handler.events.toSorted(), ["data from 10.0.0.7:81", "data from unix:/run/app.s"]);
  });

  it("fails with the code of what went wrong", () => {
    const sim = createSimulation({ seed: 5 });
    sim.failConnect("10.0.0.9:80", "EHOSTUNREACH");
    const log: Connected[] = [];
    for (const address of ["10.0.0.1:80", "nowhere.internal:80", "unix:/gone", "10.0.0.9:80"]) {
      connectTo(sim, address, probe(), log);
      sim.drive();
    }
    assert.deepEqual(
      log.map(({ error }) => error?.code),
      ["ECONNREFUSED", "ENOTFOUND", "ENOENT", "EHOSTUNREACH"],
    );
  });

  it("hangs until cancelled, and calls done exactly once", () => {
    const sim = createSimulation({ seed: 5 });
    sim.hang("10.0.0.1:80");
    const log: Connected[] = [];
    const attempt = connectTo(sim, "10.0.0.1:80", probe(), log);
    sim.advance(60_000);
    assert.equal(log.length, 0);
    attempt.cancel();
    attempt.cancel();
    assert.equal(log.length, 0);
    sim.drive();
    assert.deepEqual(log, [{ error: { code: "ECANCELED", message: "simulated: ECANCELED" }, socket: null }]);
  });

  it("refuses a second listener on the same address and frees it on close", async () => {
    const sim = createSimulation({ seed: 5 });
    const listener = await listenOn(sim.runtime, probe());
    await assert.rejects(listenOn(sim.runtime, probe()), { code: "EADDRINUSE" });
    await listener.close();
    await listenOn(sim.runtime, probe());
  });

  it("gives connections the address they come from", async () => {
    const { sim, server } = await pair();
    sim.connect(ADDRESS, { from: "192.0.2.7" });
    sim.drive();
    assert.equal(server.socket?.peer.kind === "tcp" && server.socket.peer.host, "192.0.2.7");
  });
});

describe("createSimulation: time, order and checks", () => {
  it("ticks as often as the time that goes by", () => {
    const sim = createSimulation({ seed: 5 });
    const at: number[] = [];
    const start = sim.runtime.now();
    const ticker = sim.runtime.every(100, () => at.push(Math.round(sim.runtime.now() - start)));
    sim.drive();
    assert.deepEqual(at, [], "drive does not wait for ticks");
    sim.advance(350);
    assert.deepEqual(at, [100, 200, 300]);
    assert.deepEqual(sim.openSockets(), ["ticker"]);
    ticker.stop();
    sim.advance(350);
    assert.equal(at.length, 3);
    assert.equal(sim.runtime.now() - start, 700);
    sim.assertQuiet();
  });

  it("lets time pass without anything happening, and catches up", () => {
    const sim = createSimulation({ seed: 1 });
    const seen: number[] = [];
    const startMs = sim.clock.now();
    sim.clock.appoint(10, () => seen.push(sim.clock.now() - startMs));
    sim.clock.appoint(2_000, () => seen.push(sim.clock.now() - startMs));
    sim.clock.stall(1_000);
    assert.deepEqual(seen, []);
    sim.advance(999);
    assert.deepEqual(seen, [1_000]);
    sim.advance(1);
    assert.deepEqual(seen, [1_000, 2_000]);
  });

  it("does the same things for the same seed, others for another", async () => {
    const play = async (seed: number) => {
      const sim = createSimulation({ seed, log: true, kernelBytesMax: 50 });
      const server = probe();
      await listenOn(sim.runtime, server);
      for (let i = 0; i < 3; i++) {
        const client = sim.connect(ADDRESS, { segments: { kind: "random", bytesMax: 9 } });
        client.send("x".repeat(200));
        client.end();
      }
      sim.drive();
      return { transcript: sim.transcript(), fingerprint: sim.fingerprint(), random: sim.runtime.random() };
    };
    const first = await play(11);
    assert.ok(first.transcript.length > 1000);
    assert.deepEqual(await play(11), first);
    const other = await play(12);
    assert.notEqual(other.fingerprint, first.fingerprint);
    assert.notEqual(other.transcript, first.transcript);
    assert.notEqual(other.random, first.random);
  });

  it("finds a socket that got no handler and one left open", async () => {
    const sim = createSimulation({ seed: 5 });
    await sim.runtime.listen(
      { address: addressOf(ADDRESS), backlog: 1, reusePort: false, highWaterBytes: 1000, tls: null },
      { onSocket() {}, onAcceptError() {} },
    );
    sim.connect(ADDRESS);
    assert.throws(() => sim.drive(), /no handler/);

    const { sim: second, socket } = await pair();
    assert.throws(() => second.assertQuiet(), /socket 1< to 127\.0\.0\.1:49152/);
    socket.destroy();
    assert.throws(() => second.assertQuiet(), /left open:\nlistener 127\.0\.0\.1:80$/);
  });

  it("reports failures of accepting and jumps of the wall clock", async () => {
    const { sim, server } = await pair();
    sim.failAccept(ADDRESS, "EMFILE");
    sim.drive();
    assert.deepEqual(server.events, ["accept EMFILE"]);
    const [wall, monotonic] = [sim.runtime.wallClockMs(), sim.runtime.now()];
    sim.jumpWallClock(-3_600_000);
    assert.equal(sim.runtime.wallClockMs(), wall - 3_600_000);
    assert.equal(sim.runtime.now(), monotonic);
  });

  it("waits for promises while it moves the time", async () => {
    const sim = createSimulation({ seed: 5 });
    const waited = new Promise<string>((resolve) => {
      const ticker = sim.runtime.every(500, () => {
        ticker.stop();
        resolve("done");
      });
    });
    assert.equal(await sim.until(waited, 1000), "done");
    await assert.rejects(sim.until(new Promise(() => {}), 100), /still waiting/);
  });
});
