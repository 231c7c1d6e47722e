import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { passOnKeepAlive, peerOf, readWaiting } from "../../adapters/bun-descriptor.ts";

interface RawSocket {
  readonly fd: number;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  pause(): void;
  write(bytes: Uint8Array): number;
  shutdown(): void;
  terminate(): void;
}

interface BunNamespace {
  listen(options: object): { readonly fd: number; readonly port: number; stop(closeSockets: boolean): void };
  connect(options: object): Promise<RawSocket>;
}

const { Bun: bun } = globalThis as { Bun?: BunNamespace };

describe("past Bun's sockets", { ignore: bun === undefined || process.platform !== "linux" }, () => {
  it("a descriptor that is not the connection's is not believed", async () => {
    const { near, far, close } = await pair("127.0.0.1", "127.0.0.1");
    const { remoteAddress, remotePort } = far;
    assert.equal(peerOf({ fd: near.fd, remoteAddress, remotePort }), null);
    assert.equal(peerOf({ remoteAddress, remotePort }), null);
    assert.equal(peerOf({ fd: 0, remoteAddress, remotePort }), null);
    close();
  });

  for (const hostname of ["127.0.0.1", "::"]) {
    it(`an IPv4 peer of a listener at ${hostname} is told`, async () => {
      const { near, far, close } = await pair(hostname, "127.0.0.1");
      const peer = { kind: "tcp", host: "127.0.0.1", port: near.localPort } as const;
      assert.deepEqual(peerOf(far), peer, "Bun does not tell the descriptor any more?");
      close();
    });
  }

  it("an IPv6 peer is left to Bun", async () => {
    const { far, close } = await pair("::1", "::1");
    assert.equal(peerOf(far), null);
    close();
  });

  it("what waits is read, up to 4 KiB of it, and neither nothing nor the end is an answer", async () => {
    const { near, far, close } = await pair("127.0.0.1", "127.0.0.1");
    peerOf(far); // from then on descriptors are believed
    far.pause();
    assert.equal(readWaiting(far.fd), null);
    near.write(new Uint8Array(5000).fill(7));
    near.shutdown();
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(readWaiting(-1), null);
    assert.deepEqual(readWaiting(far.fd), new Uint8Array(4096).fill(7));
    assert.equal(readWaiting(far.fd)?.length, 904);
    assert.equal(readWaiting(far.fd), null);
    close();
  });

  it("what waits is left to Bun, once much was read in a turn of the event loop", async () => {
    const { near, far, close } = await pair("127.0.0.1", "127.0.0.1");
    peerOf(far);
    far.pause();
    near.write(new Uint8Array(1000 * 4096));
    await new Promise((resolve) => setTimeout(resolve, 20));
    let reads = 0;
    while (readWaiting(far.fd) !== null) reads++;
    assert.equal(reads, 32);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(readWaiting(far.fd)?.length, 4096);
    close();
  });

  it("keep-alive is turned on for listeners only", async () => {
    const { listener, far, close } = await pair("127.0.0.1", "127.0.0.1");
    assert.equal(passOnKeepAlive(listener, 15_000), true, "Bun does not tell the descriptor any more?");
    assert.equal(passOnKeepAlive(far, 15_000), false);
    assert.equal(passOnKeepAlive({}, 15_000), false);
    assert.equal(passOnKeepAlive({ fd: 0 }, 15_000), false);
    close();
  });
});

async function pair(listensAt: string, connectsTo: string) {
  let accepted: (raw: RawSocket) => void = () => {};
  const opened = new Promise<RawSocket>((resolve) => {
    accepted = resolve;
  });
  const listener = bun!.listen({ hostname: listensAt, port: 0, socket: { open: accepted, data() {} } });
  const near = await bun!.connect({ hostname: connectsTo, port: listener.port, socket: { data() {} } });
  const far = await opened;
  const close = () => {
    near.terminate();
    listener.stop(true);
  };
  return { listener, near, far, close };
}
