import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "@std/testing/bdd";
import {
  ConfigError,
  createFetchHandler,
  createNodeHandler,
  createProxy,
  defineConfig,
  type HookContext,
  ListenError,
} from "../../library/mod.ts";
import { runProgram } from "../e2e/program.ts";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";

const answering = (body: string) =>
  defineConfig({ listeners: ["127.0.0.1:0"], routes: [{ id: "all", respond: { status: 200, body } }] });

async function ask(proxy: ReturnType<typeof createProxy>): Promise<string> {
  const [address] = proxy.addresses;
  assert.ok(address?.kind === "tcp");
  const response = await fetch(`http://127.0.0.1:${address.port}/`, { headers: { connection: "close" } });
  return response.text();
}

describe("a proxy in a program", () => {
  it("refuses what only a file can say", () => {
    const config = { ...answering("one"), include: "sites/*.yaml" };
    assert.throws(() => createProxy({ config }), { name: "ConfigError", message: /include: names files/ });
  });

  it("starts on the runtime it finds, reloads, and drains", async () => {
    const seen: string[] = [];
    const observer = { wantsTimes: false, onExchange: () => void seen.push("exchange"), onNotice() {} };
    const proxy = createProxy({ config: answering("one"), observer });
    assert.deepEqual([proxy.addresses, proxy.connectionCount, proxy.serverStates()], [[], 0, []]);
    await proxy.start();
    try {
      assert.equal(await ask(proxy), "one");
      assert.ok("changes" in (await proxy.reload(async () => answering("two"))));
      assert.equal(await ask(proxy), "two");
      await assert.rejects(proxy.reload({} as never), ConfigError);
      assert.equal(await ask(proxy), "two");
      assert.equal(seen.length, 3);
      assert.equal(await proxy.drain(2_000), true);
    } finally {
      await proxy.stop();
    }
  });

  it("keeps the port the system chose when a reload names it", async () => {
    await using proxy = createProxy(answering("one"));
    await proxy.start();
    const { addresses } = proxy;
    const [address] = addresses;
    assert.ok(address?.kind === "tcp");
    const reloaded = await proxy.reload({ ...answering("two"), listeners: [`127.0.0.1:${address.port}`] });
    assert.ok("changes" in reloaded, JSON.stringify(reloaded));
    assert.deepEqual(reloaded.changes.listeners, { added: [], changed: [`127.0.0.1:${address.port}`], removed: [] });
    assert.deepEqual(proxy.addresses, addresses);
    assert.equal(await ask(proxy), "two");
  });

  it("tells addresses only while it listens", async () => {
    for (const end of ["stop", "drain"] as const) {
      const proxy = createProxy(answering("one"));
      const starting = proxy.start();
      await new Promise((resolve) => setTimeout(resolve, 0));
      assert.ok(proxy.addresses.every((address) => address.kind === "tcp" && address.port !== 0));
      await starting;
      assert.equal(proxy.addresses.length, 1);
      await proxy[end]();
      assert.deepEqual(proxy.addresses, []);
      await proxy.stop();
    }
  });

  it("goes by what it was told last, however long that took to make", async () => {
    const proxy = createProxy(answering("one"));
    await proxy.start();
    let make = (): void => {};
    const slow = new Promise<void>((made) => {
      make = made;
    });
    const reloads = [
      proxy.reload(() => slow.then(() => answering("two"))),
      proxy.reload(() => slow.then(() => ({}) as never)),
      proxy.reload(answering("three")),
    ];
    setTimeout(make, 20);
    const results = await Promise.allSettled(reloads);
    assert.deepEqual(
      results.map(({ status }) => status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(await ask(proxy), "three");
    await proxy.stop();
  });

  it("keeps that order where one between is refused at once", async () => {
    await using proxy = createProxy(answering("one"));
    await proxy.start();
    const slow = new Promise<void>((made) => setTimeout(made, 50));
    const first = proxy.reload(() => slow.then(() => answering("two")));
    await assert.rejects(proxy.reload({} as never), ConfigError);
    await Promise.all([first, proxy.reload(answering("three"))]);
    assert.equal(await ask(proxy), "three");
  });

  it("lets its program end when it has stopped, though a configuration is never made", async () => {
    const runtime = runtimeUnderTest();
    const script = join(projectRoot, "test/library/never-made.ts");
    const { code, stdout } = await runProgram([executableOf(runtime), ...scriptOptions(runtime), script]);
    assert.deepEqual([code, stdout], [0, "stopped\n"]);
  });

  it("stops where the block ends that uses it", async () => {
    let left: ReturnType<typeof createProxy>;
    {
      await using proxy = createProxy(answering("one"));
      await proxy.start();
      left = proxy;
    }
    await assert.rejects(left.start(), /has stopped/);
    {
      await using fetchHandler = createFetchHandler(answering("two"));
      assert.equal(await (await fetchHandler(new Request("http://a.example/"))).text(), "two");
      await using nodeHandler = createNodeHandler(answering("three"));
      await nodeHandler.proxy.start();
      left = nodeHandler.proxy;
    }
    await assert.rejects(left.start(), /has stopped/);
  });

  it("says that it has stopped where it is started again", async () => {
    const proxy = createProxy(answering("one"));
    await proxy.start();
    await proxy.stop();
    await assert.rejects(proxy.start(), /has stopped: create another one/);
    const never = createProxy(answering("one"));
    await never.stop();
    await assert.rejects(never.start(), /has stopped: create another one/);
  });

  it("takes a function that makes the configuration, when it starts", async () => {
    const proxy = createProxy(async () => answering("made"));
    await proxy.start();
    assert.equal(await ask(proxy), "made");
    await proxy.stop();
    await assert.rejects(createProxy(() => ({}) as never).start(), ConfigError);
  });

  it("throws all problems at once, with their paths", () => {
    const wrong = { listeners: ["127.0.0.1:0"], routes: [{ id: "a", upstream: "nowhere" }], limts: {} };
    assert.throws(
      () => createProxy(wrong as never),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.ok(error.problems.length >= 2, error.message);
        for (const part of [/limts/, /routes\[0\]\.upstream: .*nowhere/]) assert.match(error.message, part);
        return true;
      },
    );
  });

  it("throws the same for what is no configuration at all", () => {
    for (const create of [createProxy, createFetchHandler, createNodeHandler])
      for (const nothing of [null, undefined, "listeners"]) assert.throws(() => create(nothing as never), ConfigError);
  });

  it("rejects with what listener could not be opened, and says what needs a start", async () => {
    const holder = createProxy(answering("first"));
    await holder.start();
    const [address] = holder.addresses;
    assert.ok(address?.kind === "tcp");
    const second = createProxy({ ...answering("second"), listeners: [`127.0.0.1:${address.port}`] });
    await assert.rejects(second.reload(answering("x")), /await start\(\) first/);
    await assert.rejects(second.start(), (failure) => {
      assert.ok(failure instanceof ListenError);
      assert.deepEqual([failure.code, failure.listener], ["EADDRINUSE", `127.0.0.1:${address.port}`]);
      assert.match(failure.message, /^cannot listen on 127\.0\.0\.1:\d+: .*\[EADDRINUSE\]$/);
      return true;
    });
    await holder.stop();
    await second.start();
    assert.equal(await ask(second), "second");
    await second.stop();
  });

  it("tells how its hooks and their cache do", async () => {
    const onRequest = async (_: unknown, { cache }: { cache: HookContext["cache"] }) => {
      await cache("key", () => Promise.resolve(1), { ttl: "1s" });
    };
    const proxy = createProxy({ ...answering("x"), hooks: { onRequest } });
    assert.deepEqual([proxy.hookStates(), proxy.cacheCounts], [[], null]);
    await proxy.start();
    await ask(proxy);
    assert.deepEqual(
      proxy.hookStates().map(({ name, calls }) => [name, calls]),
      [["hooks.onRequest", 1]],
    );
    assert.equal(proxy.cacheCounts?.loads, 1);
    await proxy.stop();
  });
});
