import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { abortConnect, beginConnect } from "../../adapters/bun-connecting.ts";
import { libc } from "../../adapters/bun-libc.ts";

interface RawSocket {
  readonly fd: number;
  readonly localPort: number;
  write(bytes: Uint8Array): number;
  terminate(): void;
}

interface BunNamespace {
  listen(options: object): { readonly port: number; stop(closeSockets: boolean): void };
  connect(options: object): Promise<RawSocket>;
}

const { Bun: bun } = globalThis as { Bun?: BunNamespace };

// That a handshake is stopped stands in the contract of adapters.
describe("a connect of Bun's", { ignore: bun === undefined || process.platform !== "linux" }, () => {
  it("is known by its descriptor and its port, and left alone once it is connected", async () => {
    let received = 0;
    const server = bun!.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (_socket: unknown, bytes: Uint8Array) => {
          received += bytes.length;
        },
      },
    });
    let made = Promise.resolve(null as RawSocket | null);
    const connecting = beginConnect(() => {
      made = bun!.connect({ hostname: "127.0.0.1", port: server.port, socket: { data() {} } });
    });
    const socket = (await made)!;
    const { fd, localPort } = socket;
    assert.deepEqual(
      connecting,
      { descriptor: fd, port: localPort },
      "Bun does not take the lowest descriptor at once any more?",
    );
    abortConnect(connecting!);
    abortConnect({ descriptor: 0, port: localPort });
    abortConnect({ descriptor: -1, port: localPort });
    socket.write(new Uint8Array(3));
    for (let turn = 0; turn < 400 && received === 0; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(received, 3);
    socket.terminate();
    server.stop(true);
  });

  it("that begins nothing is none", () => {
    assert.equal(
      beginConnect(() => {}),
      null,
    );
  });

  it("that has begun nothing because the system has no files left is told so, and not as refused", () => {
    const library = libc as unknown as { socket(): number };
    const { socket } = library;
    library.socket = () => -1;
    try {
      assert.throws(() => beginConnect(() => {}), { code: "EMFILE" });
    } finally {
      library.socket = socket;
    }
  });
});
