// What the contract can't say of a port that has several sockets (decision 065).

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { describe, it } from "@std/testing/bdd";
import type { SocketError } from "../../core/runtime.ts";
import { runtimeUnderTest } from "../support/runtime-command.ts";
import { LOOPBACK, listenOptions, portOf } from "./contract/link.ts";

const isShared = runtimeUnderTest() === "node24" && process.platform === "linux";

describe("a port on Node 24 and Linux", { ignore: !isShared }, () => {
  const listening = async () => (await import("../../adapters/node-listening.ts")).listen;

  it("hands over several connections in one turn", async () => {
    const CLIENTS = 64;
    let accepted = 0;
    const listener = await (await listening())(listenOptions(LOOPBACK), {
      onSocket(socket) {
        socket.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
        socket.destroy();
        accepted++;
      },
      onAcceptError: assert.ifError,
    });
    const port = portOf(listener.address);
    const clients = Array.from({ length: CLIENTS }, () => connect(port, "127.0.0.1"));
    let turns = 0;
    for (; accepted < CLIENTS && turns < 10 * CLIENTS; turns++) await new Promise((resolve) => setImmediate(resolve));
    for (const client of clients) client.destroy();
    await listener.close();
    assert.equal(accepted, CLIENTS);
    assert.ok(turns < CLIENTS / 2, `${turns} turns for ${CLIENTS} connections`);
  });

  it("is in use for whoever does not share it, and when others share it", async () => {
    const listen = await listening();
    const nobody = { onSocket() {}, onAcceptError: assert.ifError };
    const listener = await listen(listenOptions(LOOPBACK), nobody);
    const plain = createServer().listen(portOf(listener.address), "127.0.0.1");
    const [told] = await Promise.race([once(plain, "error"), once(plain, "listening")]);
    plain.close();
    await listener.close();
    assert.equal((told as NodeJS.ErrnoException | undefined)?.code, "EADDRINUSE");

    const sharing = createServer().listen({ port: 0, host: "127.0.0.1", reusePort: true });
    await once(sharing, "listening");
    const { port } = sharing.address() as AddressInfo;
    const refusal = await listen(listenOptions({ kind: "tcp", host: "127.0.0.1", port }), nobody).then(
      (opened) => opened.close(),
      (error: SocketError) => error.code,
    );
    sharing.close();
    assert.equal(refusal, "EADDRINUSE");
  });
});
