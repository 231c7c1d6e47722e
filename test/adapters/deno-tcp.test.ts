import assert from "node:assert/strict";
import { connect as netConnect } from "node:net";
import { it } from "@std/testing/bdd";
import { nameOf } from "../../adapters/deno-address.ts";
import { libc } from "../../adapters/deno-libc.ts";
import type { Socket, SocketError } from "../../core/runtime.ts";
import { LOOPBACK, listenOptions, portOf } from "./contract/link.ts";
import { aMoment, Recorder } from "./contract/recorder.ts";

// Linux' numbers.
const AF_INET = 2;
const SOCK_STREAM = 1;
const MSG_OOB = 1;
const MSG_DONTWAIT = 0x40;

const READS = 200;

const { runtime } = "Deno" in globalThis ? await import("../../adapters/deno.ts") : { runtime: null };
const isThere = libc !== null && runtime !== null;
const own = isThere ? it : it.ignore;

/** Whoever connects to the port is handed over with a recorder. */
async function listening() {
  const recorder = new Recorder();
  const sockets: Socket[] = [];
  const acceptErrors: SocketError[] = [];
  const listener = await runtime!.listen(listenOptions(LOOPBACK), {
    onSocket(socket) {
      socket.handler = recorder;
      sockets.push(socket);
    },
    onAcceptError: (error) => void acceptErrors.push(error),
  });
  return { recorder, sockets, acceptErrors, listener, port: portOf(listener.address) };
}

/** Notes the calls of the C library with a descriptor as their first parameter while `during` runs. */
function callsOf(during: () => void): readonly string[] {
  const library = libc as unknown as Record<string, (...parameters: unknown[]) => number>;
  const calls: string[] = [];
  const originals = ["send", "recv", "setsockopt", "getsockopt", "shutdown", "close"].map((name) => {
    const original = library[name]!;
    library[name] = (...parameters) => {
      calls.push(name);
      return original(...parameters);
    };
    return [name, original] as const;
  });
  try {
    during();
  } finally {
    for (const [name, original] of originals) library[name] = original;
  }
  return calls;
}

const lastCalls: readonly [string, (socket: Socket) => void][] = [
  [
    "a pair that is too large for one call",
    (socket) => {
      socket.writeMore(new Uint8Array(20_000), 0, 20_000);
      socket.writeRange(new Uint8Array(30_000), 0, 30_000);
    },
  ],
  [
    "a reset behind a write that waits",
    (socket) => {
      socket.writeMore(new Uint8Array(20), 0, 20);
      socket.reset();
    },
  ],
];
for (const [name, call] of lastCalls) {
  own(`asks nothing of a number that is somebody else's once a failed write has closed it: ${name}`, async () => {
    const { recorder, sockets, listener, port } = await listening();
    const raw = netConnect({ port, host: "127.0.0.1" });
    while (sockets.length === 0) await aMoment(5);
    raw.resetAndDestroy();
    await aMoment();
    assert.equal(callsOf(() => call(sockets[0]!)).at(-1), "close");
    await recorder.untilClosed();
    assert.deepEqual(recorder.events, ["close ECONNRESET"]);
    await listener.close();
  });
}

own("does not rest reading behind a failed write, which has closed it", async () => {
  const { recorder, sockets, listener, port } = await listening();
  const raw = netConnect({ port, host: "127.0.0.1" });
  raw.write("hello");
  while (sockets.length === 0) await aMoment(5);
  await aMoment();
  raw.resetAndDestroy();
  await aMoment();
  let isResting = true;
  recorder.onBytes = (socket) => {
    socket.writeMore(new Uint8Array(20), 0, 20);
    socket.writeRange(new Uint8Array(30), 0, 30);
    isResting = socket.restReading();
  };
  sockets[0]!.resume();
  await recorder.untilClosed();
  assert.deepEqual([isResting, ...recorder.events], [false, "data", "close ECONNRESET"]);
  await listener.close();
});

own("is closed by a write that failed for another reason than its peer: reading would tell nothing", async () => {
  const { recorder, sockets, listener, port } = await listening();
  const raw = netConnect({ port, host: "127.0.0.1" });
  while (sockets.length === 0) await aMoment(5);
  sockets[0]!.resume();
  const library = libc as unknown as Record<string, (...parameters: unknown[]) => number>;
  const original = library["send"]!;
  library["send"] = (_, ...others) => original(-1, ...others);
  sockets[0]!.write(new Uint8Array(5000));
  library["send"] = original;
  await recorder.untilClosed();
  assert.deepEqual(recorder.events, ["close EUNKNOWN"]);
  raw.destroy();
  await listener.close();
});

/** While `during` runs the kernel watches nothing more. */
async function unwatching(during: () => Promise<void> | void): Promise<void> {
  const library = libc as unknown as Record<string, () => number>;
  const original = library["epoll_ctl"]!;
  library["epoll_ctl"] = () => -1;
  try {
    await during();
  } finally {
    library["epoll_ctl"] = original;
  }
}

own("fails at once where the kernel can't tell of more, instead of waiting for ever", async () => {
  const { recorder, sockets, acceptErrors, listener, port } = await listening();
  const connected = (): Promise<unknown> =>
    new Promise((resolve) =>
      runtime!.connect(
        { address: { kind: "tcp", host: "127.0.0.1", port }, highWaterBytes: 1000, tls: null },
        (error, socket) => {
          socket?.destroy();
          resolve(error);
        },
      ),
    );
  await unwatching(async () => void assert.notEqual(await connected(), null, "a connection under way"));
  // The kernel has made that one all the same.
  while (sockets.length === 0) await aMoment(5);
  const raw = netConnect({ port, host: "127.0.0.1" });
  while (sockets.length === 1) await aMoment(5);
  await unwatching(() => {
    sockets[1]!.resume();
    return recorder.untilClosed();
  });
  assert.match(recorder.events.join(), /^close E/);
  raw.destroy();

  listener.pause();
  await unwatching(() => listener.resume());
  assert.equal(acceptErrors.length, 1);
  assert.equal(await connected(), null, "accepting goes on after a rest");
  while (sockets.length === 2) await aMoment(5);
  for (const socket of sockets) socket.destroy();
  await listener.close();
});

/** A far end that sends at once, also urgently. */
async function linkToKernel() {
  const { recorder, sockets, listener, port } = await listening();
  const name = nameOf({ kind: "tcp", host: "127.0.0.1", port }) as Uint8Array;
  const far = libc!.socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(libc!.connect(far, name, name.length), 0);
  while (sockets.length === 0) await aMoment(5);
  const socket = sockets[0]!;
  socket.resume();
  const send = (text: string, flags = 0): void =>
    void libc!.send(far, new TextEncoder().encode(text), text.length, flags | MSG_DONTWAIT);
  send("first");
  await recorder.untilBytes(5);
  await aMoment();
  return {
    recorder,
    send,
    async [Symbol.asyncDispose]() {
      libc!.close(far);
      socket.end();
      await recorder.untilClosed();
      await listener.close();
    },
  };
}

own("reads what is behind urgent data, at which the kernel ends a read", async () => {
  await using link = await linkToKernel();
  link.send("abc");
  link.send("!", MSG_OOB);
  link.send("def");
  await link.recorder.untilBytes(11);
  assert.equal(link.recorder.text(), "firstabcdef");
});

for (const [what, piece, readsMax] of [
  ["little, and urgent data once", "x", 8],
  ["much", "x".repeat(140_000), 2],
] as const) {
  own(`lets others have their turn while a peer sends as fast as it is read: ${what}`, async () => {
    await using link = await linkToKernel();
    let reads = 0;
    let ofTurn = 0;
    let ofTurnMost = 0;
    link.recorder.onBytes = () => {
      if (++reads < READS) link.send(piece);
      // Which runs when the turn is over.
      if (ofTurn++ === 0) queueMicrotask(() => void (ofTurn = 0));
      ofTurnMost = Math.max(ofTurnMost, ofTurn);
    };
    if (piece.length === 1) link.send("!", MSG_OOB);
    link.send(piece);
    await link.recorder.until("all reads", () => reads >= READS);
    assert.ok(ofTurnMost <= readsMax, `${ofTurnMost} reads in one turn`);
  });
}
