import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect as netConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, beforeEach, it } from "@std/testing/bdd";
import type { Address, Listener, ListenHandler, ListenOptions, Runtime, Socket } from "../../../core/runtime.ts";
import { executableOf } from "../../support/runtime-command.ts";
import { spawnChild } from "./child-process.ts";
import { connected, Far, LOOPBACK, listenOptions, portOf } from "./link.ts";
import { aMoment, Recorder } from "./recorder.ts";

/** Binding, accepting, closing the listener; TCP and UNIX. */
export function listening(runtime: Runtime): void {
  let folder = "";
  let listeners: Listener[] = [];
  let sockets: Socket[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "contract-"));
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    for (const listener of listeners) await listener.close();
    sockets = [];
    listeners = [];
    rmSync(folder, { recursive: true, force: true });
  });

  /** Accepts and echoes. */
  const echoing: ListenHandler = {
    onSocket(socket) {
      sockets.push(socket);
      socket.handler = ECHO;
      socket.resume();
    },
    onAcceptError() {},
  };
  const listenOn = async (address: Address, more: Partial<ListenOptions> = {}): Promise<Listener> => {
    const listener = await runtime.listen(listenOptions(address, more), echoing);
    listeners.push(listener);
    return listener;
  };

  it("reports the port the system chose, and keeps the host that was asked for", async () => {
    const listener = await listenOn(LOOPBACK);
    ok(portOf(listener.address) > 0);
    deepStrictEqual(listener.address, { ...LOOPBACK, port: portOf(listener.address) });
    strictEqual(listener.isReachable(), true);
  });

  it("tells both addresses of a connection, also after it closed", async () => {
    const listener = await listenOn(LOOPBACK);
    const far = await echoed({ port: portOf(listener.address), host: "127.0.0.1" });
    const [socket] = sockets;
    ok(socket);
    const peer = { kind: "tcp", host: "127.0.0.1", port: far.raw.localPort };
    deepStrictEqual(socket.local, listener.address);
    deepStrictEqual(socket.peer, peer);
    strictEqual(socket.tls, null);
    far.raw.destroy();
    socket.destroy();
    await aMoment(10);
    deepStrictEqual(socket.peer, peer);
  });

  it("listens on every address when the host is empty, and shows IPv4 peers as IPv4", async () => {
    const listener = await listenOn({ kind: "tcp", host: "", port: 0 });
    const port = portOf(listener.address);
    (await echoed({ port, host: "127.0.0.1" })).raw.destroy();
    const { peer, local } = sockets[0] as Socket;
    strictEqual(peer.kind === "tcp" && peer.host, "127.0.0.1");
    strictEqual(local.kind === "tcp" && local.host, "127.0.0.1");
    if (hasIpv6()) (await echoed({ port, host: "::1" })).raw.destroy();
  });

  (hasIpv6() ? it : it.ignore)("listens on and connects to IPv6 (needs ::1)", async () => {
    const listener = await listenOn({ kind: "tcp", host: "::1", port: 0 });
    const socket = await connected(runtime, listener.address);
    sockets.push(socket);
    strictEqual(socket.peer.kind === "tcp" && socket.peer.host, "::1");
  });

  it("rejects a port that is taken with EADDRINUSE", async () => {
    const listener = await listenOn(LOOPBACK);
    await rejects(listenOn({ ...LOOPBACK, port: portOf(listener.address) } as Address), { code: "EADDRINUSE" });
  });

  it("rejects an address that is not ours with EADDRNOTAVAIL", async () => {
    await rejects(listenOn({ kind: "tcp", host: "192.0.2.1", port: 0 }), { code: "EADDRNOTAVAIL" });
  });

  const unprivileged = process.getuid?.() === 0 ? it.ignore : it;
  unprivileged("rejects a socket file in a folder we may not write with EACCES (not as root)", async () => {
    await rejects(listenOn({ kind: "unix", path: "/contract.sock" }), { code: "EACCES" });
  });

  it("rejects TLS with EUNSUPPORTED", async () => {
    const key = { certificate: "", key: "" };
    const tls = {
      default: key,
      byServerName: new Map(),
      alpn: [],
      clientAuthorities: null,
      minVersion: "1.2",
    } as const;
    await rejects(listenOn(LOOPBACK, { tls }), { code: "EUNSUPPORTED" });
  });

  it("keeps live connections when it closes, and takes no new ones", async () => {
    const listener = await listenOn(LOOPBACK);
    const port = portOf(listener.address);
    const far = await echoed({ port, host: "127.0.0.1" });
    await listener.close();
    await listener.close();
    far.raw.write("still here");
    await far.untilBytes(14);
    const late = new Far(netConnect({ port, host: "127.0.0.1" }));
    await late.until("refusal", () => late.errorCode !== null);
    strictEqual(late.errorCode, "ECONNREFUSED");
    far.raw.destroy();
  });

  it("hands over what waits in the kernel's queue before it closes", async () => {
    const listener = await listenOn(LOOPBACK);
    // Another process connects while this one does nothing at all.
    const script = `
      const { connect } = require("node:net");
      for (let i = 0; i < 30; i++) connect(${portOf(listener.address)}, "127.0.0.1", function () { this.end("hello"); });
      setTimeout(() => process.exit(), 300);`;
    const { status, stderr } = spawnSync(executableOf("node"), ["-e", script], { timeout: 4_000 });
    strictEqual(status, 0, String(stderr));
    strictEqual(sockets.length, 0);
    await listener.close();
    strictEqual(sockets.length, 30);
  });

  const acceptPause = runtime.capabilities.acceptPause ? it : it.ignore;
  acceptPause("leaves connections in the kernel while it is paused, and takes them up again (capability)", async () => {
    const listener = await listenOn(LOOPBACK);
    const port = portOf(listener.address);
    const before = await echoed({ port, host: "127.0.0.1" });
    listener.pause();
    const waiting = [0, 1, 2].map(() => new Far(netConnect({ port, host: "127.0.0.1" })));
    for (const far of waiting) far.raw.write("hello");
    // What lives on goes on meanwhile.
    before.raw.write("again");
    await before.untilBytes(before.receivedBytes + 5);
    await aMoment(30);
    strictEqual(sockets.length, 1);
    listener.resume();
    for (const far of waiting) await far.untilBytes(5);
    strictEqual(sockets.length, 4);
    for (const far of [before, ...waiting]) far.raw.destroy();
  });

  acceptPause("closes while it is paused (capability)", async () => {
    const listener = await listenOn(LOOPBACK);
    const port = portOf(listener.address);
    listener.pause();
    const waiting = new Far(netConnect({ port, host: "127.0.0.1" }));
    await waiting.until("connected", () => waiting.raw.readyState === "open");
    await listener.close();
    await waiting.until("gone", () => waiting.ended || waiting.closed || waiting.errorCode !== null);
    strictEqual(sockets.length, 0);
    waiting.raw.destroy();
  });

  it("can listen again on its port at once, with old connections alive", async () => {
    const listener = await listenOn(LOOPBACK);
    const far = await echoed({ port: portOf(listener.address), host: "127.0.0.1" });
    await listener.close();
    const again = await listenOn({ ...LOOPBACK, port: portOf(listener.address) } as Address);
    (await echoed({ port: portOf(again.address), host: "127.0.0.1" })).raw.destroy();
    far.raw.destroy();
  });

  const reusePort = runtime.capabilities.reusePort ? it : it.ignore;
  reusePort("shares a port between listeners (capability)", async () => {
    const first = await listenOn(LOOPBACK, { reusePort: true });
    const second = await listenOn({ ...LOOPBACK, port: portOf(first.address) } as Address, { reusePort: true });
    strictEqual(portOf(second.address), portOf(first.address));
    await first.close();
    (await echoed({ port: portOf(second.address), host: "127.0.0.1" })).raw.destroy();
  });

  (runtime.capabilities.reusePort ? it.ignore : it)("rejects reusePort with EUNSUPPORTED (no capability)", async () => {
    await rejects(listenOn(LOOPBACK, { reusePort: true }), { code: "EUNSUPPORTED" });
  });

  it("listens on a UNIX socket, connects to it, and removes the file", async () => {
    const address: Address = { kind: "unix", path: join(folder, "a.sock") };
    const listener = await listenOn(address);
    deepStrictEqual(listener.address, address);
    const socket = await connected(runtime, address);
    sockets.push(socket);
    const recorder = new Recorder();
    socket.handler = recorder;
    socket.resume();
    socket.write(new TextEncoder().encode("over a file"));
    await recorder.untilBytes(11);
    socket.end();
    await recorder.untilClosed();
    deepStrictEqual(recorder.events, ["data", "end", "close"]);
    strictEqual(socket.peer.kind, "unix");
    await listener.close();
    strictEqual(existsSync(address.path), false);
  });

  it("resets a UNIX socket as well as it can", async () => {
    await listenOn({ kind: "unix", path: join(folder, "r.sock") });
    const socket = await connected(runtime, { kind: "unix", path: join(folder, "r.sock") });
    const recorder = new Recorder();
    socket.handler = recorder;
    socket.reset();
    await recorder.untilClosed();
    deepStrictEqual(recorder.events, ["close"]);
  });

  it("takes over the file of a dead process", async () => {
    const path = join(folder, "stale.sock");
    const child = await spawnChild(runtime, ["listen-unix", path]);
    process.kill(child.pid, "SIGKILL");
    await child.exited;
    strictEqual(existsSync(path), true);
    await listenOn({ kind: "unix", path });
    (await echoed({ path })).raw.destroy();
  });

  it("leaves the file of a living process alone", async () => {
    const path = join(folder, "live.sock");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await rejects(listenOn({ kind: "unix", path }), { code: "EADDRINUSE" });
    strictEqual(existsSync(path), true);
    await new Promise((resolve) => server.close(resolve));
  });

  it("leaves alone what another has put in place of its file", async () => {
    const path = join(folder, "replaced.sock");
    const listener = await listenOn({ kind: "unix", path });
    strictEqual(listener.isReachable(), true);
    rmSync(path);
    strictEqual(listener.isReachable(), false);
    const server = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    strictEqual(listener.isReachable(), false);
    await listener.close();
    (await echoed({ path })).raw.destroy();
    deepStrictEqual(readdirSync(folder), ["replaced.sock"]);
    await new Promise((resolve) => server.close(resolve));
  });

  it("listens anew where its file was removed, beside the one it had", async () => {
    const address: Address = { kind: "unix", path: join(folder, "anew.sock") };
    const lost = await listenOn(address);
    rmSync(address.path);
    const anew = await listenOn(address);
    await lost.close();
    deepStrictEqual([lost.isReachable(), anew.isReachable()], [false, true]);
    (await echoed({ path: address.path })).raw.destroy();
    await anew.close();
    deepStrictEqual(readdirSync(folder), []);
  });

  it("never removes a file that is no socket", async () => {
    const path = join(folder, "precious.txt");
    writeFileSync(path, "precious");
    await rejects(listenOn({ kind: "unix", path }), { code: "EADDRINUSE" });
    strictEqual(readFileSync(path, "utf8"), "precious");
  });

  it("rejects a socket file in no folder with ENOENT", async () => {
    await rejects(listenOn({ kind: "unix", path: join(folder, "none", "a.sock") }), { code: "ENOENT" });
  });

  it("reports a throw in a handler as uncaught and loses that socket only", async () => {
    const child = await spawnChild(runtime, ["throwing"]);
    const port = Number(child.firstLine);
    const bystander = await echoed({ port, host: "127.0.0.1" });
    for (const where of ["data", "end", "drain"]) {
      const victim = new Far(netConnect({ port, host: "127.0.0.1", allowHalfOpen: true }));
      if (where === "end") victim.raw.end();
      else victim.raw.write(`throw ${where}`);
      await victim.until(`closed by a throw in ${where}`, () => victim.ended || victim.closed);
      victim.raw.destroy();
    }
    bystander.raw.write("fine");
    await bystander.untilBytes(8);
    process.kill(child.pid, "SIGTERM");
    await child.exited;
    bystander.raw.destroy();
    strictEqual(child.output().match(/uncaught: our bug/g)?.length, 3, child.output());
  });
}

const ECHO: Socket["handler"] = {
  onData: (socket, bytes, start, end) => void socket.writeRange(bytes, start, end),
  onDrain() {},
  onEnd: (socket) => socket.end(),
  onClose() {},
};

/** Connects and has "echo" echoed. */
async function echoed(to: { port: number; host: string } | { path: string }): Promise<Far> {
  const far = new Far(netConnect(to));
  far.raw.write("echo");
  await far.untilBytes(4);
  strictEqual(far.text(), "echo");
  return far;
}

function hasIpv6(): boolean {
  return existsSync("/proc/net/if_inet6") && readFileSync("/proc/net/if_inet6", "latin1").includes("lo\n");
}
