import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { Config } from "../../core/config/define.ts";
import type { OnAttempt } from "../../core/script/hooks.ts";
import { expectRoute, testProxy } from "../../testing/mod.ts";

type Routes = NonNullable<Config["routes"]>;

const configWith = (routes: Routes, more: Partial<Config> = {}): Config => ({
  listeners: [":80"],
  upstreams: { a: { servers: ["10.0.0.1:80"] }, b: { servers: ["10.0.0.2:80"] } },
  routes,
  ...more,
});

describe("hooks under a test proxy", () => {
  it("may be long chains of promises, which cost no time", async () => {
    let seen = 0;
    const decide = async () => {
      for (let i = 0; i < 5_000; i++) await Promise.resolve();
      seen++;
      return "b";
    };
    await using proxy = await testProxy(configWith([{ upstream: "a", hooks: { decide } }]));
    const response = await proxy.request("GET /");
    assert.deepEqual([response.upstream, seen], ["b", 1]);
    assert.ok(response.durationMs < 10, String(response.durationMs));
  });

  it("meet their deadline on the virtual clock, and their failure is an event", async () => {
    const decide = { run: () => new Promise<never>(() => {}), timeout: "5s", fallback: { upstream: "a" } };
    await using proxy = await testProxy(configWith([{ upstream: "b", hooks: { decide } }]));
    const { upstream, durationMs } = await proxy.request("GET /");
    assert.equal(upstream, "a");
    assert.ok(durationMs >= 5_000 && durationMs < 5_200, String(durationMs));
    const failed = proxy.events.find((event) => event.kind === "hook-failed");
    assert.ok(failed?.kind === "hook-failed");
    assert.deepEqual([failed.failure, String(failed.error)], ["timeout", "Error: took longer than 5000 ms"]);
  });

  /** In another thread, for some milliseconds; longer the first time. */
  const derive = async () => {
    const key = await crypto.subtle.importKey("raw", new Uint8Array(16), "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: new Uint8Array(16), iterations: 20_000 };
    return crypto.subtle.deriveBits(how, key, 128);
  };

  it("may wait for other threads, as WebCrypto does, which costs no time either", async () => {
    await derive();
    const decide = { run: () => derive().then(() => "b"), timeout: "100ms" };
    await using proxy = await testProxy(configWith([{ upstream: "a", hooks: { decide } }]));
    const { upstream, durationMs } = await proxy.request("GET /");
    assert.equal(upstream, "b");
    assert.ok(durationMs < 10, String(durationMs));
    const underway = proxy.send("GET /");
    await proxy.advance("50ms");
    assert.ok(underway.isDone);
  });

  it("may do so behind a delay on the virtual clock, too", async () => {
    const delayed = { wait: async () => {} };
    const run = async () => {
      await delayed.wait();
      await derive();
      return "b";
    };
    await using proxy = await testProxy(
      configWith([{ upstream: "a", hooks: { decide: { run, timeout: "400ms", fallback: { upstream: "a" } } } }]),
    );
    delayed.wait = () => proxy.delay("300ms");
    const { upstream, durationMs } = await proxy.request("GET /");
    assert.equal(upstream, "b");
    assert.ok(durationMs >= 300 && durationMs < 400, String(durationMs));
  });

  it("deny, and rewrite what is sent", async () => {
    const config = configWith([{ upstream: "a" }], {
      hooks: { onRequest: ({ path }) => (path === "/no" ? { deny: 403 } : { headers: { set: { "X-By": "hook" } } }) },
    });
    await expectRoute(config, "GET /no").toRespond(403);
    await expectRoute(config, "GET /yes").toSend({ path: "/yes", headers: { "x-by": "hook" } });
  });

  it("are all given the same request, which is there to keep something by", async () => {
    const given: unknown[] = [];
    const note = (request: unknown): undefined => void given.push(request);
    const hooks = {
      onRequest: note,
      decide: note,
      transformRequestBody: (_body: unknown, request: unknown) => note(request),
      onAttempt: (_attempt: unknown, request: unknown) => note(request),
      onResponse: (_response: unknown, request: unknown) => note(request),
      transformResponseBody: (_body: unknown, _response: unknown, request: unknown) => note(request),
    };
    const { onRequest, ...others } = hooks;
    await using proxy = await testProxy(configWith([{ upstream: "a", hooks }], { hooks: { onRequest } }));
    await proxy.request("PUT /", { body: "x" });
    assert.equal(given.length, 2 + Object.keys(others).length);
    assert.equal(new Set(given).size, 1);
  });

  it("see how long answers take where the balancer measures that", async () => {
    for (const [balance, measured] of [
      ["two-choices", false],
      ["peak-ewma", true],
      ["least-time", true],
    ] as const) {
      const seen: number[] = [];
      const onAttempt: OnAttempt = ({ candidates }) => void seen.push(...candidates.map(({ latencyMs }) => latencyMs));
      await using proxy = await testProxy(
        configWith([{ upstream: "c", hooks: { onAttempt } }], {
          upstreams: { c: { servers: ["10.0.0.1:80"], balance } },
        }),
      );
      proxy.upstream("c").slow("300ms");
      for (let i = 0; i < 2; i++) await proxy.request("GET /");
      assert.equal(seen[0], -1);
      assert.equal((seen[1] ?? -1) >= 290, measured, `${balance}: ${seen}`);
    }
  });

  it("mounted programs answer", async () => {
    const mount = async (request: Request) => new Response(`hello ${new URL(request.url).pathname}`, { status: 201 });
    await expectRoute(configWith([{ mount }]), "GET http://a.example/you").toRespond(201, "hello /you");
  });
});
