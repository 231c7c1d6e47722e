import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type DenoConn, readFrom, ridOf, writeTo } from "../../adapters/deno-conn.ts";

interface DenoNamespace {
  listen(options: object): { readonly addr: { readonly port: number }; accept(): Promise<DenoConn>; close(): void };
  connect(options: object): Promise<DenoConn>;
}

const { Deno: deno } = globalThis as { Deno?: DenoNamespace };

describe("a connection of Deno", () => {
  it("is asked the documented way where it has no number", async () => {
    const asked: Uint8Array[] = [];
    const conn: Pick<DenoConn, "read" | "write"> = {
      read: async (buffer) => {
        asked.push(buffer);
        return null;
      },
      write: async (bytes) => {
        asked.push(bytes);
        return bytes.length;
      },
    };
    const rid = ridOf(conn as DenoConn);
    const [buffer, bytes] = [new Uint8Array(1), new Uint8Array(2)];
    assert.equal(await readFrom(conn as DenoConn, rid, buffer), null);
    assert.equal(await writeTo(conn as DenoConn, rid, bytes), 2);
    assert.deepEqual(asked, [buffer, bytes]);
  });

  // On other runtimes there is none.
  const onDeno = deno === undefined ? it.ignore : it;
  onDeno("is read and written the short way: this version of Deno has it", async () => {
    const listener = deno!.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = listener.accept();
    const near = await deno!.connect({ hostname: "127.0.0.1", port: listener.addr.port });
    const far = await accepting;
    for (const conn of [near, far]) assert.ok(ridOf(conn) >= 0, "no number: is the documented way all there is now?");
    assert.equal(await writeTo(near, ridOf(near), new Uint8Array([1, 2, 3])), 3);
    const buffer = new Uint8Array(8);
    assert.equal(await readFrom(far, ridOf(far), buffer), 3);
    assert.deepEqual([...buffer.subarray(0, 3)], [1, 2, 3]);
    await near.closeWrite();
    assert.equal(await readFrom(far, ridOf(far), buffer), 0);
    near.close();
    far.close();
    listener.close();
  });
});
