import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { after, before, describe, it } from "@std/testing/bdd";
import { libc } from "../../adapters/deno-libc.ts";
import { EPOLLIN, Poll, poll, type Watcher } from "../../adapters/deno-poll.ts";

interface DenoNamespace {
  readonly build: { readonly os: string; readonly arch: string };
}

const { Deno: deno } = globalThis as { Deno?: DenoNamespace };
const isThere = deno !== undefined && deno.build.os === "linux" && deno.build.arch === "x86_64";

const ECHOES = 20;
/** Twice there and back, by the event loop of Deno: some 120 turns where it looks every sixtieth time only. */
const TURNS_OF_ECHO_MAX = 60;

const aMoment = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
/** Can be read from the start. */
const readable = (): number => libc!.eventfd(1, 0);

describe("a poll of descriptors", { ignore: !isThere }, () => {
  // Else the process would end while nothing but a descriptor is waited for.
  before(() => poll!.use());
  after(() => poll!.unuse());

  it("is there: this version of Deno has a way to be woken", () => {
    assert.ok(poll !== null);
  });

  it("tells who watches, out of an idle event loop, each time", async () => {
    for (let time = 0; time < 3; time++) {
      const descriptor = readable();
      const told = await new Promise<number>((resolve) => poll!.watch(descriptor, EPOLLIN, { onReady: resolve }));
      assert.equal(told, EPOLLIN);
      poll!.close(descriptor);
      await aMoment();
    }
  });

  it("tells nobody of a descriptor whose number another has got in the same turn", async () => {
    const [first, second] = [readable(), readable()];
    const told: string[] = [];
    const again: Watcher = { onReady: () => told.push("another") };
    const closing = (other: number): Watcher => ({
      onReady() {
        told.push("first of the two");
        poll!.close(other);
        // Nothing is there to read.
        assert.equal(libc!.eventfd(0, 0), other);
        poll!.watch(other, EPOLLIN, again);
        poll!.unwatch(other === first ? second : first);
      },
    });
    poll!.watch(first, EPOLLIN, closing(second));
    poll!.watch(second, EPOLLIN, closing(first));
    await aMoment();
    assert.deepEqual(told, ["first of the two"]);
    for (const descriptor of [first, second]) poll!.close(descriptor);
  });

  it("tells all the same where the kernel can't wake it, and where nobody does", async () => {
    for (const canArm of [false, true]) {
      let arms = 0;
      let isOver = false;
      const arm = () => {
        arms++;
        return canArm || isOver;
      };
      const epoll = libc!.epoll_create1(0);
      const unwoken = new Poll(epoll, {
        arm,
        call: () => false,
        isArmed: false,
        isCalled: false,
        keepAlive() {},
        onWake() {},
      });
      const descriptor = readable();
      unwoken.use();
      // A first turn, of which the rest follows.
      unwoken.goOnLater({ goOn() {} });
      await aMoment();
      await new Promise<number>((resolve) => unwoken.watch(descriptor, EPOLLIN, { onReady: resolve }));
      unwoken.unuse();
      unwoken.unwatch(descriptor);
      isOver = true;
      await aMoment(); // for the last retry
      libc!.close(descriptor);
      libc!.close(epoll);
      assert.ok(arms < 200, `asked ${arms} times: it spins`);
    }
  });

  it("lets Deno's own sockets through while there is always more", async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const client = connect((echo.address() as AddressInfo).port, "127.0.0.1");
    await once(client, "connect");
    for (const kind of ["ready", "going on"]) {
      let turns = 0;
      let isOver = false;
      const goOn = () => {
        turns++;
        if (!isOver) poll!.goOnLater({ goOn });
      };
      const descriptor = readable();
      if (kind === "ready") poll!.watch(descriptor, EPOLLIN, { onReady: () => void turns++ });
      else goOn();
      for (let time = 0; time < ECHOES; time++) {
        client.write("x");
        await once(client, "data");
      }
      isOver = true;
      poll!.close(descriptor);
      assert.ok(turns / ECHOES < TURNS_OF_ECHO_MAX, `${turns / ECHOES} turns for an echo`);
    }
    client.destroy();
    echo.close();
  });

  it("closes what is open when Deno starts the program anew in the same process", () => {
    const listens = `
      import { runtime } from ${JSON.stringify(new URL("../../adapters/deno.ts", import.meta.url).href)};
      const listen = (port) =>
        runtime.listen(
          { address: { kind: "tcp", host: "127.0.0.1", port }, backlog: 1, reusePort: false, highWaterBytes: 1, tls: null },
          { onSocket() {}, onAcceptError() {} },
        );
      const listener = await listen(0);
      const { address } = listener;
      listener.pause();
      dispatchEvent(new Event("unload"));
      await listen(address.port);
      console.log("listens again");
      Deno.exit();`;
    const { stdout, stderr } = spawnSync(process.execPath, ["eval", listens], { encoding: "utf8" });
    assert.equal(stdout, "listens again\n", stderr);
  });

  it("goes on in the next turn, once", async () => {
    let count = 0;
    poll!.goOnLater({ goOn: () => void count++ });
    assert.equal(count, 0);
    await aMoment();
    assert.equal(count, 1);
  });
});

describe("where there is no poll of descriptors", { ignore: isThere }, () => {
  it("nothing is opened", () => {
    assert.deepEqual([libc, poll], [null, null]);
  });
});
