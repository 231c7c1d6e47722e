import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { openRing } from "../../adapters/bun-ring.ts";
import { inWorker } from "./in-worker.ts";

interface RawSocket {
  readonly fd: number;
  write(bytes: Uint8Array): number;
  pause(): void;
  terminate(): void;
}

interface BunNamespace {
  listen(options: object): { readonly port: number; stop(closeSockets: boolean): void };
  connect(options: object): Promise<RawSocket>;
}

const { Bun: bun } = globalThis as { Bun?: BunNamespace };
const isLinux = process.platform === "linux";
const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

describe("Bun's ring", { ignore: bun === undefined || !isLinux }, () => {
  it("sends to several sockets, takes what the kernel takes, and outlives those that are full, gone or closed", async () => {
    const ring = openRing(8);
    // Where the kernel forbids it, that is the answer.
    if (ring === null) return;
    const received = new Map<RawSocket, number[]>();
    const far: RawSocket[] = [];
    const listener = bun!.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(raw: RawSocket) {
          far.push(raw);
          received.set(raw, []);
        },
        data: (raw: RawSocket, bytes: Uint8Array) => void received.get(raw)!.push(...bytes),
      },
    });
    const near: RawSocket[] = [];
    for (let i = 0; i < 4; i++) {
      const socket = { data() {}, drain() {} };
      near.push(await bun!.connect({ hostname: "127.0.0.1", port: listener.port, socket }));
      await moment();
    }
    far[2]!.pause();
    // Until it stays full: the kernel moves what it has, and finds room again.
    while (near[2]!.write(new Uint8Array(1 << 20)) > 0) await moment();
    far[3]!.terminate();
    const closed = near[3]!.fd;
    const bytes = new Uint8Array([1, 2, 3, 4, 5, 6]);
    const counts: number[] = [];
    const writer = (i: number) => ({ taken: (count: number) => void (counts[i] = count) });
    await moment();
    for (let round = 0; round < 5; round++) {
      counts.length = 0;
      ring.add(writer(0), near[0]!.fd, bytes, 0, 2);
      ring.add(writer(1), near[1]!.fd, bytes.subarray(2), 1, 4);
      ring.add(writer(2), near[2]!.fd, bytes, 0, 6);
      ring.add(writer(3), closed, bytes, 0, 6);
      ring.send();
      assert.deepEqual(counts, [2, 3, 0, 0]);
    }
    await moment();
    assert.deepEqual(received.get(far[0]!), [1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    assert.deepEqual(received.get(far[1]!), [4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6, 4, 5, 6]);
    for (const raw of near) raw.terminate();
    listener.stop(true);
  });

  it("is not there in a worker: when that is terminated, nobody would close it", async () => {
    assert.equal(await inWorker("bun-ring.ts", "it.openRing(8) === null"), true);
  });
});
