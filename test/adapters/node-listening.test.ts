// What the contract can't say of a port that has several sockets (decision 065).

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import type { Socket, SocketError } from "../../core/runtime.ts";
import { runProgram } from "../e2e/program.ts";
import { projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";
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
    let turns = 0; // in which any came
    for (let all = 0; accepted < CLIENTS && all < 1000 * CLIENTS; all++) {
      const before = accepted;
      await new Promise((resolve) => setImmediate(resolve));
      if (accepted > before) turns++;
    }
    for (const client of clients) client.destroy();
    await listener.close();
    assert.equal(accepted, CLIENTS);
    assert.ok(turns < CLIENTS / 2, `${turns} turns for ${CLIENTS} connections`);
  });

  it("goes to one of two who ask for it at the same time", async () => {
    const listen = await listening();
    const nobody = { onSocket() {}, onAcceptError: assert.ifError };
    const free = await listen(listenOptions(LOOPBACK), nobody);
    await free.close();
    const asked = { ...LOOPBACK, port: portOf(free.address) } as typeof LOOPBACK;
    const results = await Promise.allSettled([1, 2].map(() => listen(listenOptions(asked), nobody)));
    for (const result of results) if (result.status === "fulfilled") await result.value.close();
    assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  });

  it("has one socket where its owner shares it with others: all have the same part then", async () => {
    const listen = await listening();
    const counts = [0, 0];
    const sharing = (i: number) => ({
      onSocket(socket: Socket) {
        counts[i]!++;
        socket.handler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
        socket.destroy();
      },
      onAcceptError: assert.ifError,
    });
    const first = await listen(listenOptions(LOOPBACK, { reusePort: true }), sharing(0));
    const address = { ...LOOPBACK, port: portOf(first.address) } as typeof LOOPBACK;
    const plain = createServer().listen({ port: portOf(first.address), host: "127.0.0.1", reusePort: true });
    await once(plain, "listening");
    const second = await listen(listenOptions(address, { reusePort: true }), sharing(1));
    plain.on("connection", (socket) => socket.destroy());
    const clients = Array.from({ length: 300 }, () =>
      connect(portOf(first.address), "127.0.0.1").on("error", () => {}),
    );
    await Promise.all(clients.map((client) => once(client, "close")));
    for (const listener of [first, second]) await listener.close();
    plain.close();
    for (const count of counts) assert.ok(count > 50 && count < 150, `${counts} of 300, a third each`);
  });

  it("is the primary's in a worker of a cluster", async () => {
    const script = `
      import cluster from "node:cluster";
      const { listen } = await import(${JSON.stringify(new URL("../../adapters/node-listening.ts", import.meta.url).href)});
      if (cluster.isPrimary) {
        let listeningWorkers = 0;
        const workers = [cluster.fork(), cluster.fork()];
        for (const worker of workers) worker.on("message", (said) => {
          if (said !== "listening") console.log(said);
          if (said !== "listening" || ++listeningWorkers === 2) {
            console.log(listeningWorkers, "listen");
            for (const each of workers) each.kill();
          }
        });
      } else {
        const options = { address: { kind: "tcp", host: "127.0.0.1", port: Number(process.argv.at(-1)) }, backlog: 9, reusePort: false, highWaterBytes: 9, tls: null };
        listen(options, { onSocket() {}, onAcceptError() {} }).then(() => process.send("listening"), (error) => process.send(error.code));
      }`;
    const folder = mkdtempSync(join(tmpdir(), "millrace-cluster-"));
    const file = join(folder, "main.mjs");
    writeFileSync(file, script);
    const free = await (await listening())(listenOptions(LOOPBACK), { onSocket() {}, onAcceptError() {} });
    await free.close();
    const argv = [process.execPath, ...scriptOptions("node24"), file, String(portOf(free.address))];
    const { stdout, stderr } = await runProgram(argv, { cwd: projectRoot, timeoutMs: 30_000 });
    rmSync(folder, { recursive: true });
    assert.equal(stdout.trim(), "2 listen", stderr);
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
