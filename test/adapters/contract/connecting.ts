import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket as NetSocket, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, it } from "@std/testing/bdd";
import type { Address, Runtime, Socket, SocketError } from "../../../core/runtime.ts";
import { startDeafListener } from "../../chaos/deaf-listener.ts";
import { connectOptions } from "./link.ts";
import { aMoment, Recorder } from "./recorder.ts";

interface Outcome {
  /** `connected` or the error's code; one entry per call of `done`. */
  readonly calls: string[];
  readonly sync: boolean;
  readonly socket: Socket | null;
}

/** Attempts: success, each failure, giving up. */
export function connecting(runtime: Runtime): void {
  let server: Server;
  let accepted: NetSocket[] = [];
  let address: Address;

  beforeEach(async () => {
    accepted = [];
    server = createServer((raw) => {
      accepted.push(raw);
      raw.on("error", () => {});
      raw.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  });
  afterEach(async () => {
    for (const raw of accepted) raw.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  const attempt = (to: Address, tls: Parameters<Runtime["connect"]>[0]["tls"] = null): Promise<Outcome> =>
    new Promise((resolve) => {
      const calls: string[] = [];
      let inside = true;
      runtime.connect({ ...connectOptions(to), tls }, (error, socket) => {
        calls.push(error?.code ?? "connected");
        const sync = inside;
        void aMoment(20).then(() => resolve({ calls, sync, socket }));
      });
      inside = false;
    });
  const fails = async (to: Address, code: SocketError["code"]): Promise<void> => {
    deepStrictEqual(await attempt(to), { calls: [code], sync: false, socket: null });
  };

  it("connects, calling back once and later, and knows the peer", async () => {
    const { calls, sync, socket } = await attempt(address);
    deepStrictEqual(calls, ["connected"]);
    strictEqual(sync, false);
    deepStrictEqual(socket?.peer, address);
    socket?.destroy();
  });

  it("fails with ECONNREFUSED where nobody listens", async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, "127.0.0.1", resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    await fails({ kind: "tcp", host: "127.0.0.1", port }, "ECONNREFUSED");
  });

  it("fails with ENOENT for a UNIX socket that is not there", () =>
    fails({ kind: "unix", path: join(tmpdir(), "contract-no-such.sock") }, "ENOENT"));

  it("fails with EUNSUPPORTED for TLS, later", async () => {
    const tls = { serverName: "a", authorities: null, alpn: [], certificate: null, unsafeSkipVerification: false };
    deepStrictEqual(await attempt(address, tls), { calls: ["EUNSUPPORTED"], sync: false, socket: null });
  });

  it("cancels at once: ECANCELED, once, later, and no connection stays", async () => {
    const calls: string[] = [];
    let inside = true;
    const a = runtime.connect(connectOptions(address), (error) => calls.push(`${inside ? "sync " : ""}${error?.code}`));
    a.cancel();
    a.cancel();
    inside = false;
    await aMoment(60);
    a.cancel();
    deepStrictEqual(calls, ["ECANCELED"]);
    await until(() => accepted.every((raw) => raw.readableEnded || raw.destroyed));
  });

  // A runtime without this way leaves the handshake to the kernel; elsewhere than on Linux nothing here sees handshakes.
  const stops = runtime.capabilities.connectAbort && process.platform === "linux" ? it : it.skip;
  stops("stops the handshake of what is cancelled: a server that answers nothing keeps no descriptor", async () => {
    const deaf = await startDeafListener("127.0.0.1", 0);
    try {
      const { port } = deaf;
      const before = handshakesWith(port);
      const calls: string[] = [];
      const to: Address = { kind: "tcp", host: "127.0.0.1", port };
      const attempts = Array.from({ length: 5 }, () =>
        runtime.connect(connectOptions(to), (error) => calls.push(error?.code ?? "connected")),
      );
      await until(() => handshakesWith(port) === before + 5);
      for (const each of attempts) each.cancel();
      await until(() => calls.length === 5 && handshakesWith(port) === before);
      deepStrictEqual(calls, new Array(5).fill("ECANCELED"));
    } finally {
      await deaf.close();
    }
  });

  it("ignores a cancel that comes too late", async () => {
    let socket: Socket | null = null;
    let calls = 0;
    const recorder = new Recorder();
    const a = runtime.connect(connectOptions(address), (_, connected) => {
      calls += 1;
      socket = connected;
      if (connected !== null) connected.handler = recorder;
      a.cancel();
    });
    await until(() => socket !== null);
    a.cancel();
    await aMoment(20);
    strictEqual(calls, 1);
    deepStrictEqual(recorder.events, []);
    const connected = socket as unknown as Socket;
    connected.write(new Uint8Array(3));
    await until(() => accepted[0]?.bytesRead === 3);
    connected.destroy();
    await recorder.untilClosed();
    deepStrictEqual(recorder.events, ["close"]);
  });

  it("can be destroyed from inside done", async () => {
    const recorder = new Recorder();
    runtime.connect(connectOptions(address), (_, socket) => {
      if (socket === null) return;
      socket.handler = recorder;
      recorder.during(() => socket.destroy());
    });
    await recorder.untilClosed();
    deepStrictEqual(recorder.events, ["close"]);
  });

  it("writes and ends from inside done", async () => {
    const recorder = new Recorder();
    runtime.connect(connectOptions(address), (_, socket) => {
      if (socket === null) return;
      socket.handler = recorder;
      socket.write(new Uint8Array(100_000));
      socket.end();
      socket.resume();
    });
    await recorder.untilClosed();
    strictEqual(accepted[0]?.bytesRead, 100_000);
    deepStrictEqual(
      recorder.events.filter((name) => name !== "drain"),
      ["end", "close"],
    );
  });
}

/** How many connections to that port have sent a SYN and heard nothing yet, of this machine. */
function handshakesWith(port: number): number {
  const remote = `:${port.toString(16).toUpperCase().padStart(4, "0")} 02 `;
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .filter((line) => line.includes(remote)).length;
}

async function until(met: () => boolean): Promise<void> {
  for (let turn = 0; turn < 800 && !met(); turn++) await aMoment(5);
  strictEqual(met(), true);
}
