import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Hono } from "hono";
import { STREAM_AHEAD_BYTES_MAX } from "../../../core/limits.ts";
import type { FetchHandler, Mount } from "../../../core/script/hooks.ts";
import { patternOf, type Stage, type StageOptions, stageWith, statusesTo } from "../../scenario/stage.ts";
import { turns } from "../script/streams.ts";

function stageOf(mount: Mount, options: StageOptions = {}, route: object = {}): Promise<Stage> {
  return stageWith({ ...options, routes: [{ id: "app", mount, ...route } as never] });
}

async function settled(stage: Stage): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await turns();
    await stage.sim.settle();
  }
}

/** What the program was asked, and what the client got. */
async function play(mount: Mount, request: string, route: object = {}) {
  const stage = await stageOf(mount, {}, route);
  const client = stage.ask(request);
  await settled(stage);
  const text = client.text();
  const [outcome] = stage.exchanges;
  const failures = stage.notices.flatMap((notice) => (notice.kind === "hook-failed" ? [notice] : []));
  await stage.close();
  return { text, outcome, failures, closed: client.closed };
}

const get = (path: string, ...fields: string[]) =>
  `GET ${path} HTTP/1.1\r\nHost: a:81\r\n${fields.map((f) => `${f}\r\n`).join("")}\r\n`;
const upload = (body: string, ...fields: string[]) =>
  `POST /up HTTP/1.1\r\nHost: a\r\n${fields.map((f) => `${f}\r\n`).join("")}Content-Length: ${body.length}\r\n\r\n${body}`;

describe("a mounted program", () => {
  it("may be a Hono app", async () => {
    const app = new Hono();
    app.get("/users/:id", (c) => c.json({ id: c.req.param("id"), q: c.req.query("q") }));
    app.post("/up", async (c) => c.text(`got ${await c.req.text()}`, 201));
    const { text, outcome, closed } = await play(app, get("/users/7?q=x"));
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 18\r\n\r\n\{"id":"7","q":"x"\}$/);
    assert.equal(outcome?.responseBytes, 18);
    assert.equal(closed, null);
    const posted = await play(app, upload("hello"));
    assert.match(posted.text, /^HTTP\/1\.1 201 [\s\S]*got hello$/);
    assert.ok(!posted.text.includes("Connection: close"), "all of it was read: the connection goes on");
    assert.equal(posted.outcome?.requestBytes, 5);
    assert.match((await play(app, get("/nothing"))).text, /^HTTP\/1\.1 404 [\s\S]*404 Not Found$/);
  });

  it("is asked by the route's host and fields, over what onRequest says", async () => {
    const handler: FetchHandler = (request) => new Response(`${request.url} ${request.headers.get("x-a")}`);
    const hooks = { onRequest: () => ({ host: "hook.example", headers: { set: { "X-A": "hook" } } }) };
    const route = { host: "route.example", request: { set: { "X-A": "route" } }, hooks };
    assert.match((await play(handler, get("/"), route)).text, /http:\/\/route\.example\/ route$/);
  });

  it("is asked as a server would be", async () => {
    let seen: Request | undefined;
    const handler: FetchHandler = (request) => {
      seen = request;
      return new Response(null, { status: 204 });
    };
    const route = {
      match: { path: "/api/*" },
      rewrite: { stripPrefix: "/api" },
      request: { set: { "X-Route": "${route.id}" } },
      response: { set: { "X-By": "us" } },
    };
    const asked = get(
      "/api/x%2Fy?q=1",
      "Connection: x-mine",
      "X-Mine: 1",
      "X-Yours: 2",
      "Keep-Alive: 5",
      "X-Forwarded-For: 6.6.6.6",
    );
    const { text } = await play(handler, asked, route);
    assert.equal(seen?.url, "http://a:81/x%2Fy?q=1");
    assert.equal(seen?.headers.get("host"), "a:81");
    assert.equal(seen?.headers.get("x-yours"), "2");
    assert.equal(seen?.headers.get("x-route"), "app");
    for (const name of ["x-mine", "connection", "keep-alive"]) assert.equal(seen?.headers.get(name), null, name);
    assert.match(seen?.headers.get("x-forwarded-for") ?? "", /^127\./);
    assert.equal(seen?.headers.get("x-forwarded-host"), "a:81");
    assert.match(text, /\r\nX-By: us\r\n/);
  });

  it("that throws or answers nonsense is a failure of ours, with its source", async () => {
    const throwing = () => {
      throw new Error("boom");
    };
    const cases: [unknown, string, string][] = [
      [throwing, "500 Internal Server Error", "internal.mount-failed"],
      [() => Promise.reject(new Error("boom")), "500 Internal Server Error", "internal.mount-failed"],
      [() => "text", "502 Bad Gateway", "internal.answer-failed"],
      [async () => undefined, "502 Bad Gateway", "internal.answer-failed"],
    ];
    for (const [handler, status, code] of cases) {
      const { text, outcome, failures } = await play(handler as Mount, get("/"));
      assert.ok(text.startsWith(`HTTP/1.1 ${status}`), text);
      assert.equal(outcome?.fault, code);
      assert.deepEqual(
        failures.map(({ hook }) => hook),
        ["routes.app.mount"],
      );
    }
  });

  it("that does not answer is waited for as long as a server", async () => {
    const stage = await stageOf(() => new Promise<Response>(() => {}), { timeouts: { firstByte: "5s" } });
    const client = stage.ask(get("/"));
    stage.after(5_000, () => statusesTo(client).length > 0);
    assert.deepEqual(statusesTo(client), [504]);
    assert.equal(stage.exchanges[0]?.fault, "internal.mount-timeout");
    await stage.close();
  });

  it("is not spoken to in another protocol, by another method, or by a host that is none", async () => {
    const handler = () => new Response("x");
    const websocket = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    const { text } = await play(handler, get("/", ...websocket), { upgrade: true });
    assert.match(text, /^HTTP\/1\.1 501 [\s\S]*cannot switch to another protocol/);
    const host = await play(handler, "GET / HTTP/1.1\r\nHost: 1.2.3.4.5\r\n\r\n");
    assert.match(host.text, /^HTTP\/1\.1 400 [\s\S]*bad-host/);
    const method = await play(handler, "TRACK / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert.match(method.text, /^HTTP\/1\.1 501 [\s\S]*client\.unknown-method/);
    // A program would be asked to GET, which no route has looked at.
    const lower = await play(handler, "get / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok");
    assert.match(lower.text, /^HTTP\/1\.1 501 [\s\S]*client\.unknown-method/);
  });

  it("gets a body no faster than it reads", async () => {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    const stage = await stageOf(async (request) => {
      reader = request.body?.getReader();
      let bytes = 0;
      for (;;) {
        await turns(1);
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done) return new Response(`got ${bytes}`);
        bytes += value?.length ?? 0;
        if (bytes > 100_000 && !isOpen) await gate;
      }
    });
    let isOpen = false;
    let open = () => {};
    const gate = new Promise<void>((resolve) => (open = resolve));
    const client = stage.client();
    client.send(upload(patternOf(2_000_000)));
    await settled(stage);
    const waiting = client.socket?.queuedBytes ?? 0;
    assert.ok(
      2_000_000 - waiting <= 100_000 + STREAM_AHEAD_BYTES_MAX + 4 * 64 * 1024,
      `${2_000_000 - waiting} bytes are held`,
    );
    isOpen = true;
    open();
    for (let i = 0; i < 40; i++) await settled(stage);
    assert.match(client.text(), /got 2000000$/);
    await stage.close();
  });

  it("that does not read the body answers, and the connection ends", async () => {
    const { text, outcome, closed } = await play(() => new Response("no"), upload(patternOf(300_000)));
    assert.match(text, /Connection: close\r\n[\s\S]*\r\n\r\nno$/);
    assert.equal(outcome?.fault, "");
    assert.equal(closed, "end");
  });

  it("is told to go on only when it reads what the client waits with", async () => {
    const waits = upload("hello", "Expect: 100-continue");
    const head = waits.slice(0, -5);
    const reading = await stageOf(async (request) => new Response(await request.text()));
    const client = reading.ask(head);
    await settled(reading);
    assert.equal(client.text(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    await settled(reading);
    assert.match(client.text(), /hello$/);
    await reading.close();
    const { text } = await play(() => new Response("no", { status: 403 }), head);
    assert.match(text, /^HTTP\/1\.1 403 /);
  });

  it("may answer while the request still comes", async () => {
    const stage = await stageOf((request) => new Response(request.body));
    const client = stage.ask(upload("hello world").slice(0, -6));
    await settled(stage);
    assert.match(client.text(), /5\r\nhello\r\n$/);
    client.send(" world");
    await settled(stage);
    assert.match(client.text(), /6\r\n world\r\n0\r\n\r\n$/);
    assert.equal(stage.exchanges[0]?.fault, "");
    await stage.close();
  });

  it("is held to the bound of request bodies", async () => {
    const chunked =
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n";
    const { text } = await play(async (request) => new Response(await request.text()), chunked, {
      limits: { requestBody: 9 },
    });
    assert.match(text, /^HTTP\/1\.1 413 /);
  });

  it("leaves nothing behind, wherever its client leaves", async () => {
    const aborts: string[] = [];
    const canceled: string[] = [];
    const handler: FetchHandler = async (request) => {
      const { pathname } = new URL(request.url);
      request.signal.addEventListener("abort", () => aborts.push(pathname));
      if (pathname === "/thinks") await new Promise(() => {});
      if (pathname === "/up") await request.text();
      return new Response(new ReadableStream({ cancel: () => void canceled.push(pathname) }));
    };
    const stage = await stageOf(handler);
    for (let round = 0; round < 50; round++)
      for (const request of [get("/thinks"), upload("hello").slice(0, -2), get("/streams")]) {
        const client = stage.ask(request);
        await turns();
        if (round % 2 === 0) await stage.sim.settle();
        if (round % 3 === 0) client.end();
        client.reset();
        stage.sim.drive();
      }
    await settled(stage);
    assert.equal(stage.exchanges.length, 150);
    assert.ok(stage.exchanges.every(({ fault }) => fault.startsWith("client.")));
    assert.equal(aborts.length, 150);
    assert.equal(canceled.length, 50);
    await stage.close();
  });

  it("stands in the trace of its request, whatever came of it", async () => {
    const boom = (): never => {
      throw new Error("boom");
    };
    const never = () => new Promise<Response>(() => {});
    for (const [handler, sample, outcome, tookMs] of [
      [() => new Response("x"), "100%", "answered", 0],
      [() => new Response("x", { status: 503 }), "0%", "answered", 0],
      [boom, "0%", "threw", 0],
      [() => 5, "0%", "nonsense", 0],
      [never, "0%", "unanswered", 200],
    ] as const) {
      const stage = await stageOf(handler as Mount, { trace: { sample } });
      const client = stage.ask(get("/"));
      await settled(stage);
      stage.sim.advance(200);
      client.reset();
      stage.sim.drive();
      const hooks = stage.proxy.traces().flatMap((trace) => trace.hooks);
      assert.deepEqual(
        hooks.map((each) => [each.hook, each.outcome]),
        [["routes.app.mount", outcome]],
      );
      assert.ok(Math.abs(hooks[0]!.tookMs - tookMs) < 20, `${outcome} after ${hooks[0]?.tookMs} ms`);
      await stage.close();
    }
  });
});
