import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { type DenoConn, descriptorTold } from "../../adapters/deno-conn.ts";
import {
  acceptedDescriptor,
  connectedDescriptor,
  NO_DESCRIPTOR,
  nextDescriptor,
  passOnOptions,
  readNow,
  waitingBytes,
  writeFirstNow,
  writeNow,
} from "../../adapters/deno-descriptor.ts";

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
  listen(options: object): { readonly addr: { readonly port: number }; accept(): Promise<DenoConn>; close(): void };
  connect(options: object): Promise<DenoConn>;
}

const { Deno: deno } = globalThis as { Deno?: DenoNamespace };
const isThere = deno !== undefined && deno.build.os === "linux" && deno.build.arch === "x86_64";

describe("past Deno's operations", { ignore: !isThere }, () => {
  it("what Deno tells of a connection is not believed before it was right once", async () => {
    const { near, far, close } = await pair("127.0.0.1");
    assert.equal(acceptedDescriptor(near, descriptorTold(far)), NO_DESCRIPTOR);
    close();
  });

  for (const hostname of ["127.0.0.1", "::1"]) {
    it(`the descriptors of both sides are found, at ${hostname}, and no other's`, async () => {
      const { near, far, guess, close } = await pair(hostname);
      assert.equal(connectedDescriptor(near, guess), guess, "Deno does not make its socket at once any more?");
      const accepted = acceptedDescriptor(far, descriptorTold(far));
      assert.ok(accepted >= 0, "Deno does not tell the descriptor any more?");
      assert.equal(connectedDescriptor(near, accepted), NO_DESCRIPTOR);
      assert.equal(connectedDescriptor(near, 0), NO_DESCRIPTOR);
      assert.equal(connectedDescriptor(near, NO_DESCRIPTOR), NO_DESCRIPTOR);
      close();
    });
  }

  it("options are passed on by listeners only, at their own port", async () => {
    const guess = nextDescriptor();
    const listener = deno!.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    assert.ok(passOnOptions(guess, port, 15_000), "Deno does not make its listener's socket at once any more?");
    assert.ok(!passOnOptions(guess, port + 1, 15_000));
    assert.ok(!passOnOptions(NO_DESCRIPTOR, port, 15_000));
    listener.close();
    const { far, close } = await pair("127.0.0.1");
    assert.ok(!passOnOptions(descriptorTold(far), port, 15_000));
    close();
  });

  it("a write sends what it is given, the part of a buffer, too", async () => {
    const { far, guess, close } = await pair("127.0.0.1");
    const bytes = new TextEncoder().encode("-hello-");
    assert.equal(writeFirstNow(guess, bytes.subarray(1, 3)), 2);
    assert.equal(writeNow(guess, bytes.subarray(3, 6)), 3);
    const buffer = new Uint8Array(16);
    const length = await far.read(buffer);
    assert.equal(new TextDecoder().decode(buffer.subarray(0, length ?? 0)), "hello");
    close();
  });

  it("a write sends what the kernel takes, and says how much that was", async () => {
    const { guess, close } = await pair("127.0.0.1");
    const bytes = new Uint8Array(16 * 1024 * 1024);
    const sent = writeNow(guess, bytes);
    assert.ok(sent > 0 && sent < bytes.length);
    assert.equal(writeNow(guess, bytes), 0);
    close();
  });

  it("a read takes what is known to wait, into a part of a buffer", async () => {
    const { near, far, close } = await pair("127.0.0.1");
    const descriptor = acceptedDescriptor(far, descriptorTold(far));
    assert.equal(waitingBytes(descriptor), 0);
    await near.write(new Uint8Array([1, 2, 3]));
    assert.equal(waitingBytes(descriptor), 3);
    const buffer = new Uint8Array(4);
    assert.equal(readNow(descriptor, buffer.subarray(1, 3)), 2);
    assert.deepEqual([...buffer], [0, 1, 2, 0]);
    assert.equal(waitingBytes(descriptor), 1);
    await near.closeWrite();
    assert.equal(waitingBytes(descriptor), 1);
    close();
  });
});

describe("where there is no way past Deno's operations", { ignore: isThere }, () => {
  it("no connection has a descriptor", () => {
    assert.equal(nextDescriptor(), NO_DESCRIPTOR);
    assert.equal(acceptedDescriptor({} as DenoConn, 3), NO_DESCRIPTOR);
    assert.equal(connectedDescriptor({} as DenoConn, 3), NO_DESCRIPTOR);
  });
});

async function pair(hostname: string): Promise<{ near: DenoConn; far: DenoConn; guess: number; close: () => void }> {
  const listener = deno!.listen({ hostname, port: 0 });
  const accepting = listener.accept();
  const guess = nextDescriptor();
  const near = await deno!.connect({ hostname, port: listener.addr.port });
  const far = await accepting;
  const close = () => {
    near.close();
    far.close();
    listener.close();
  };
  return { near, far, guess, close };
}
