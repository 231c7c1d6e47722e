import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { nameOf } from "../../adapters/deno-address.ts";
import { libc } from "../../adapters/deno-libc.ts";
import { openRing } from "../../adapters/deno-ring.ts";

interface Conn {
  read(room: Uint8Array): Promise<number | null>;
  close(): void;
}

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  readonly permissions: { querySync(permission: { readonly name: "ffi" }): { readonly state: string } };
  listen(options: object): { readonly addr: { readonly port: number }; accept(): Promise<Conn>; close(): void };
}

// Linux' numbers.
const AF_INET = 2;
const SOCK_STREAM = 1;
const MSG_DONTWAIT = 0x40;

const { Deno: deno } = globalThis as { Deno?: DenoNamespace };
const mayHave = deno?.build.os === "linux" && deno.build.arch === "x86_64";
const isGranted = mayHave && deno.permissions.querySync({ name: "ffi" }).state === "granted";

describe("Deno's ring", { ignore: deno === undefined }, () => {
  it("is not there without the permission", { ignore: isGranted }, () => {
    assert.equal(openRing(8), null);
  });

  it("sends to several sockets, takes what the kernel takes, and outlives those that are full, gone or closed", {
    ignore: !isGranted,
  }, async () => {
    const ring = openRing(8);
    // Where the kernel forbids it, that is the answer.
    if (ring === null) return;
    const listener = deno!.listen({ hostname: "127.0.0.1", port: 0 });
    const name = nameOf({ kind: "tcp", host: "127.0.0.1", port: listener.addr.port }) as Uint8Array;
    const [far, descriptors]: [Conn[], number[]] = [[], []];
    for (let i = 0; i < 4; i++) {
      const descriptor = libc!.socket(AF_INET, SOCK_STREAM, 0);
      assert.equal(libc!.connect(descriptor, name, name.length), 0);
      descriptors.push(descriptor);
      far.push(await listener.accept());
    }
    // Until it stays full: the kernel moves what it has, and finds room again.
    const moment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    while (libc!.send(descriptors[2]!, new Uint8Array(1 << 20), 1 << 20, MSG_DONTWAIT) > 0) await moment();
    libc!.close(descriptors[3]!);
    await moment();
    const counts: number[] = [];
    const writer = (i: number) => ({ taken: (count: number) => void (counts[i] = count) });
    // As heads are: parts of one memory, time and again, and then of another.
    for (const bytes of [new Uint8Array([1, 2, 3, 4, 5, 6]), new Uint8Array([11, 12, 13, 14, 15, 16])]) {
      for (let round = 0; round < 2; round++) {
        counts.length = 0;
        ring.add(writer(0), descriptors[0]!, bytes, 0, 2);
        ring.add(writer(1), descriptors[1]!, bytes.subarray(2), 1, 4);
        ring.add(writer(2), descriptors[2]!, bytes, 0, 6);
        ring.add(writer(3), descriptors[3]!, bytes, 0, 6);
        ring.send();
        assert.deepEqual(counts, [2, 3, 0, 0]);
      }
    }
    const read = async (conn: Conn) => {
      const room = new Uint8Array(64);
      return [...room.subarray(0, (await conn.read(room)) ?? 0)];
    };
    assert.deepEqual(await read(far[0]!), [1, 2, 1, 2, 11, 12, 11, 12]);
    assert.deepEqual(await read(far[1]!), [4, 5, 6, 4, 5, 6, 14, 15, 16, 14, 15, 16]);
    for (const descriptor of descriptors.slice(0, 3)) libc!.close(descriptor);
    for (const conn of far) conn.close();
    listener.close();
  });
});
