import { deepStrictEqual, ok } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Socket as NetSocket, connect as netConnect } from "node:net";
import { it } from "@std/testing/bdd";
import type { Runtime, Socket } from "../../../core/runtime.ts";
import { connectOptions, LOOPBACK, listenOptions, portOf } from "./link.ts";
import { Recorder } from "./recorder.ts";

/** Probes of silent peers (row S07): seen in the kernel's table of connections, because nothing else can see them. */
export function keepingAlive(runtime: Runtime): void {
  const onLinux = existsSync("/proc/net/tcp") ? it : it.ignore;
  const promised = (timer: KernelTimer): void => {
    ok(timer.isKeepAlive, `no keep-alive timer runs: ${timer.line}`);
    if (runtime.capabilities.keepAliveDelay) ok(timer.seconds > 10 && timer.seconds <= 15, `in ${timer.seconds} s`);
  };

  onLinux("S07 asks silent clients whether they are there (Linux)", async () => {
    for (const keepAliveMs of [15_000, 0]) {
      let accepted: (socket: Socket) => void = () => {};
      const socket = new Promise<Socket>((resolve) => {
        accepted = resolve;
      });
      const listener = await runtime.listen(listenOptions(LOOPBACK, { keepAliveMs }), {
        onSocket(socket) {
          socket.handler = new Recorder();
          accepted(socket);
        },
        onAcceptError() {},
      });
      const far = netConnect({ port: portOf(listener.address), host: "127.0.0.1" });
      const near = await socket;
      const timer = timerOf(portOf(listener.address), portOf(near.peer));
      if (keepAliveMs > 0) promised(timer);
      else deepStrictEqual(timer.isKeepAlive, false);
      near.destroy();
      far.destroy();
      await listener.close();
    }
  });

  onLinux("S07 asks silent servers whether they are there (Linux)", async () => {
    const accepted = new Set<NetSocket>();
    const server = createServer((raw) => accepted.add(raw));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const address = { kind: "tcp", host: "127.0.0.1", port } as const;
    const near = await new Promise<Socket>((resolve, reject) => {
      runtime.connect(connectOptions(address, { keepAliveMs: 15_000 }), (error, socket) => {
        if (socket === null) return reject(error);
        socket.handler = new Recorder();
        resolve(socket);
      });
    });
    promised(timerOf(portOf(near.local), port));
    near.destroy();
    for (const raw of accepted) raw.destroy();
    server.close();
  });
}

interface KernelTimer {
  readonly isKeepAlive: boolean;
  readonly seconds: number;
  readonly line: string;
}

/** Of the connection between two ports of this machine, from the side of `local`. */
function timerOf(local: number, remote: number): KernelTimer {
  const hex = (port: number): string => `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    if (!existsSync(file)) continue;
    for (const line of readFileSync(file, "latin1").split("\n")) {
      // sl local remote state queues timer:when …; 02 is the keep-alive timer, `when` counts hundredths of a second.
      const [, from = "", to = "", , , timer = ""] = line.trim().split(/\s+/);
      if (!from.endsWith(hex(local)) || !to.endsWith(hex(remote))) continue;
      const [kind, when = "0"] = timer.split(":");
      return { isKeepAlive: kind === "02", seconds: Number.parseInt(when, 16) / 100, line };
    }
  }
  throw new Error(`the kernel knows no connection from ${local} to ${remote}`);
}
