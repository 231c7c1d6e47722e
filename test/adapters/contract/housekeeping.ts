import { notDeepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { it } from "@std/testing/bdd";
import type { Runtime, Socket } from "../../../core/runtime.ts";
import { spawnChild } from "./child-process.ts";
import { connected, LOOPBACK, listenOptions } from "./link.ts";
import { aMoment, Recorder } from "./recorder.ts";

/** Clocks, randomness, descriptors. */
export function housekeeping(runtime: Runtime): void {
  it("has clocks, one of which never jumps", async () => {
    const before = runtime.now();
    await aMoment(20);
    const passed = runtime.now() - before;
    ok(passed > 15 && passed < 2000, `${passed}`);
    ok(Math.abs(runtime.wallClockMs() - Date.now()) < 1000);
    const random = runtime.random();
    ok(random >= 0 && random < 1);
    strictEqual(runtime.randomBytes(16).length, 16);
    notDeepStrictEqual(runtime.randomBytes(16), runtime.randomBytes(16));
  });

  it("signs at once", () => {
    const bytes = (text: string) => new TextEncoder().encode(text);
    const hex = (signature: Uint8Array) => [...signature].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    // RFC 4231 sections 4.2 and 4.3.
    strictEqual(
      hex(runtime.hmacSha256(new Uint8Array(20).fill(0x0b), bytes("Hi There"))),
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
    strictEqual(
      hex(runtime.hmacSha256(bytes("Jefe"), bytes("what do ya want for nothing?"))),
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
  });

  it("ticks until stopped", async () => {
    let ticks = 0;
    const ticker = runtime.every(5, () => {
      ticks += 1;
    });
    for (let turn = 0; turn < 1000 && ticks < 3; turn++) await aMoment(5);
    ok(ticks >= 3, `${ticks}`);
    ticker.stop();
    const stoppedAt = ticks;
    await aMoment(30);
    strictEqual(ticks, stoppedAt);
  });

  it("does not keep the process alive by ticking", async () => {
    const child = await spawnChild(runtime, ["ticking"]);
    strictEqual(await child.exited, 0);
  });

  it("knows how many descriptors it may open", async () => {
    const descriptorsMax = runtime.descriptorsMax();
    if (existsSync("/proc/self/limits")) ok(descriptorsMax !== null && descriptorsMax > 10, `${descriptorsMax}`);
    else strictEqual(descriptorsMax, null);
  });

  it("knows how full its memory is", () => {
    const load = runtime.memoryLoad();
    ok(load !== null && load > 0 && load < 1, `${load}`);
  });

  (existsSync("/proc/self/fd") ? it : it.ignore)("leaks no descriptor in many short connections (Linux)", async () => {
    const accepted = new Set<Socket>();
    const closed = {
      ...new Recorder(),
      onData: (socket: Socket) => socket.destroy(),
      onDrain() {},
      onEnd: (socket: Socket) => socket.destroy(),
      onClose: (socket: Socket) => void accepted.delete(socket),
    };
    const listener = await runtime.listen(listenOptions(LOOPBACK), {
      onSocket(socket) {
        accepted.add(socket);
        socket.handler = closed;
        socket.resume();
      },
      onAcceptError() {},
    });
    const cycle = async (turn: number) => {
      const socket = await connected(runtime, listener.address);
      const recorder = new Recorder();
      socket.handler = recorder;
      if (turn % 3 === 0) socket.destroy();
      else if (turn % 3 === 1) socket.write(new Uint8Array(10));
      else socket.end();
      socket.resume();
      await recorder.until("close or end", () => recorder.closed || recorder.events.includes("end"));
      socket.destroy();
      await recorder.untilClosed();
    };
    await cycle(0);
    const open = () => readdirSync("/proc/self/fd").length;
    const before = open();
    for (let turn = 0; turn < 30; turn++) await Promise.all(Array.from({ length: 20 }, (_, i) => cycle(turn * 20 + i)));
    for (let turn = 0; turn < 100 && (accepted.size > 0 || open() > before); turn++) await aMoment(10);
    strictEqual(accepted.size, 0);
    ok(open() <= before, `${open()} open, ${before} before`);
    await listener.close();
  });
}
