// The undocumented ways of Node's adapter (decision 060) are there on the versions that are tested.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, it } from "@std/testing/bdd";
import {
  acceptHandles,
  connectHandle,
  isWriteQueued,
  passOnOptions,
  readLength,
  type SocketHandle,
  unusedWrite,
} from "../../adapters/node-handle.ts";
import type { RawSocket } from "../../adapters/node-socket.ts";
import { writeNow } from "../../adapters/node-write-now.ts";
import { projectRoot, runtimeUnderTest } from "../support/runtime-command.ts";
import { LOOPBACK, writePair } from "./contract/link.ts";

async function pair(): Promise<{ accepted: Socket; far: Socket; close: () => void }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [accepted] = (await once(server, "connection")) as [Socket];
  await once(far, "connect");
  const close = () => {
    accepted.destroy();
    far.destroy();
    server.close();
  };
  return { accepted, far, close };
}

describe("on this Node", { ignore: !runtimeUnderTest().startsWith("node") }, () => {
  it("a socket is written to by its descriptor, and not once it is destroyed", async () => {
    const { accepted, far, close } = await pair();
    assert.equal(writeNow(accepted, Buffer.from("-hello-"), 1, 6), 5);
    const [bytes] = (await once(far, "data")) as [Buffer];
    assert.equal(bytes.toString(), "hello");
    accepted.destroy();
    assert.equal(writeNow(accepted, Buffer.from("hello"), 0, 5), 0);
    close();
  });

  it("nothing is written behind a write that has failed, before its socket is destroyed for that", async () => {
    const { NodeSocket } = await import("../../adapters/node-socket.ts");
    const { accepted, far, close } = await pair();
    const received: Buffer[] = [];
    far.on("data", (bytes: Buffer) => received.push(bytes));
    const ended = once(far, "end");
    const { _handle: handle } = accepted as unknown as { readonly _handle: { writeBuffer?(): number } };
    Object.defineProperty(handle, "fd", { value: -1 }); // all by the stream
    const socket = new NodeSocket(accepted as RawSocket, 1000, LOOPBACK, null);
    handle.writeBuffer = () => -12; // ENOMEM
    socket.write(new Uint8Array(5000));
    delete handle.writeBuffer; // it passes
    socket.write(new Uint8Array(6000));
    writePair(socket, new Uint8Array(10), new Uint8Array(7000));
    assert.ok(!accepted.destroyed);
    await ended;
    close();
    assert.deepEqual(received, []);
  });

  const isOlder = Number.parseInt(process.versions.node, 10) < 24;
  it("a server's connections come as handles that read into room they are given", { ignore: isOlder }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const room = new Uint8Array(64);
    const read = new Promise<{ handle: SocketHandle; length: number }>((resolve) => {
      const isAccepting = acceptHandles(server, (handle) => {
        handle.useUserBuffer(room);
        handle.onread = function () {
          resolve({ handle: this, length: readLength() });
        };
        handle.readStart();
      });
      assert.ok(isAccepting, "net.Sockets are all there is now");
    });
    const far = connect((server.address() as AddressInfo).port, "127.0.0.1");
    far.write("hello");
    const { handle, length } = await read;
    assert.equal(Buffer.from(room.subarray(0, length)).toString(), "hello");
    assert.ok(handle.fd > 0);
    await new Promise<void>((resolve) => handle.close(() => resolve()));
    far.destroy();
    server.close();
  });

  it("connections are made as handles that can be written to", { ignore: isOlder }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const owner = {};
    const { handle, status } = await new Promise<{ handle: SocketHandle; status: number }>((resolve) => {
      const connecting = connectHandle({ kind: "tcp", host: "127.0.0.1", port }, owner, function (completed) {
        assert.equal(this.owner, owner);
        resolve({ handle: connecting!.handle, status: completed });
      });
      assert.ok(connecting !== null, "net.Sockets are all there is now");
      assert.equal(connecting.status, 0);
    });
    assert.equal(status, 0);
    const [far] = await accepted;
    const request = unusedWrite();
    assert.equal(handle.writeBuffer(request, Buffer.from("hel")), 0);
    assert.equal(handle.writev(request, [Buffer.from("l"), Buffer.from("o")], true), 0);
    assert.ok(!isWriteQueued());
    let received = "";
    far.on("data", (bytes) => (received += bytes));
    while (received.length < 5) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(received, "hello");
    await new Promise<void>((resolve) => handle.close(() => resolve()));
    far.destroy();
    server.close();
  });

  it("names are not for handles", () => {
    assert.equal(
      connectHandle({ kind: "tcp", host: "localhost", port: 1 }, null, () => {}),
      null,
    );
  });

  it("the ways are not looked for where that would end the process", { ignore: isOlder }, () => {
    const adapter = join(projectRoot, "adapters", "node.ts");
    const options = ["--pending-deprecation", "--throw-deprecation", "--import", pathToFileURL(adapter).href];
    const { status, stderr } = spawnSync(process.execPath, [...options, "-e", "setImmediate(() => {})"]);
    assert.equal(status, 0, String(stderr));
  });

  it("a listener passes its options on", { ignore: process.platform !== "linux" }, async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    assert.ok(passOnOptions(server, 15_000)); // that connections have them: contract/keeping-alive.ts
    server.close();
  });
});
