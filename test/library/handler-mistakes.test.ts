import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import process from "node:process";
import { after, before, describe, it } from "@std/testing/bdd";
import { createFetchHandler, createNodeHandler, type NodeHandler, type Notice } from "../../library/mod.ts";
import { until } from "../e2e/wait.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: 2\r\n\r\nok";

describe("handlers in programs that do the unexpected", () => {
  const open: { close(done: () => void): unknown }[] = [];
  const seen: string[] = [];
  let upstream: { servers: [string] };
  let handler: NodeHandler;
  let answer: () => void = () => {};

  before(async () => {
    const backend = createTcpServer((socket) => {
      socket
        .on("error", () => {})
        .on("data", (bytes) => {
          const text = bytes.toString("latin1");
          seen.push(text);
          if (!text.startsWith("GET /later")) socket.write(ANSWER, "latin1");
          else answer = () => socket.write(ANSWER, "latin1");
        });
    });
    upstream = { servers: [`127.0.0.1:${await listening(backend)}`] };
    handler = createNodeHandler({ upstream });
  });
  after(async () => {
    await handler.close();
    await Promise.all(open.map((server) => new Promise<void>((done) => server.close(done))));
  });

  function listening(server: TcpServer): Promise<number> {
    open.push(server);
    return new Promise((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });
  }

  const front = (listener: RequestListener): Promise<number> => listening(createServer(listener));

  it("keeps every byte of a response's fields", async () => {
    const port = await front((request, response) => handler.request(request, response));
    assert.match(await raw(port, "GET / HTTP/1.1"), /x-name: caf\xe9\r\n/i);
  });

  it("are closed before the first request: 503", async () => {
    const closed = createFetchHandler({ upstream });
    await closed.close();
    assert.equal((await closed(new Request("http://a.example/"))).status, 503);
  });

  it("ask anew for a configuration that could not be made", async () => {
    let isBroken = true;
    const made = createFetchHandler(() => {
      if (isBroken) throw new Error("the database is away");
      return { listeners: ["127.0.0.1:0"], upstreams: { app: upstream }, routes: [{ upstream: "app" }] };
    });
    await assert.rejects(made(new Request("http://a.example/")), /the database is away/);
    isBroken = false;
    const answer = await made(new Request("http://a.example/"));
    assert.equal(await answer.text(), "ok");
    await made.close();
  });

  it("tell an observer what went wrong", async () => {
    const notices: string[] = [];
    const onRequest = () => {
      throw new Error("mine");
    };
    const observer = { wantsTimes: false, onExchange() {}, onNotice: ({ kind }: Notice) => void notices.push(kind) };
    const observed = createFetchHandler({ upstream, hooks: { onRequest } }, { observer });
    assert.equal((await observed(new Request("http://a.example/"))).status, 503);
    assert.deepEqual(notices, ["hook-failed"]);
    await observed.close();
  });

  it("say nothing of the length of a body that is none", async () => {
    const port = await front((request, response) => handler.request(request, response));
    await raw(port, "GET / HTTP/1.1");
    assert.doesNotMatch(seen.at(-1)!, /content-length/i);
  });

  it("gives an error for a response that had begun", async () => {
    const errors: unknown[] = [];
    const port = await front((request, response) => {
      response.write("mine");
      handler.request(request, response, (error) => {
        errors.push(error);
        response.end();
      });
    });
    assert.match(await raw(port, "GET / HTTP/1.1"), /mine/);
    assert.match(String(errors), /the response had begun before/);
  });

  it("reads a body that somebody has paused", async () => {
    const port = await front((request, response) => {
      request.pause();
      setTimeout(() => handler.request(request, response), 5);
    });
    seen.length = 0;
    void raw(port, "POST /paused HTTP/1.1", "Content-Length: 6\r\nConnection: close\r\n\r\npaused");
    await until(() => seen.join("").endsWith("paused"), "the body is at the server");
  });

  it("gives an error for a body that somebody has read as text", async () => {
    const errors: unknown[] = [];
    const port = await front((request, response) => {
      request.setEncoding("utf8");
      handler.request(request, response, (error) => {
        errors.push(error);
        response.end("mine");
      });
    });
    assert.match(await raw(port, "GET / HTTP/1.1"), /ok$/);
    assert.match(await raw(port, "POST / HTTP/1.1", "Content-Length: 2\r\nConnection: close\r\n\r\nhi"), /mine$/);
    assert.match(String(errors), /setEncoding/);
  });

  it("refuses a field that no head may hold, though a lenient server lets it through", async () => {
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", listen);
    // Bun lets DEL through in any case; who is strict refuses it by itself.
    const server = createServer({ insecureHTTPParser: true }, (request, response) =>
      handler.request(request, response),
    );
    server.on("upgrade", handler.upgrade);
    const port = await listening(server);
    seen.length = 0;
    for (const value of ["a\x7fb", "a\x01b"]) {
      const field = `X-One: ${value}\r\n`;
      assert.match(await raw(port, "GET / HTTP/1.1", `${field}Connection: close\r\n`), /^HTTP\/1\.1 400 /);
      assert.match(
        await raw(port, "GET / HTTP/1.1", `${field}Connection: Upgrade\r\nUpgrade: foo\r\n`),
        /^HTTP\/1\.1 400 /,
      );
    }
    process.off("warning", listen);
    assert.deepEqual([seen, warnings.filter((text) => text.includes("reached the wire"))], [[], []]);
    await until(() => handler.proxy.connectionCount === 0, "no connection is left");
  });

  it("leaves a response alone that somebody else begins meanwhile", async () => {
    const port = await front((request, response) => {
      handler.request(request, response);
      if (request.url !== "/later") return;
      response.write("too slow");
      const wait = setInterval(() => {
        if (!seen.some((text) => text.startsWith("GET /later"))) return;
        clearInterval(wait);
        answer();
        void until(() => handler.proxy.connectionCount === 0, "no connection is left").then(() =>
          response.end("; sorry"),
        );
      }, 5);
    });
    const text = await raw(port, "GET /later HTTP/1.1");
    assert.match(text, /too slow[\s\S]*; sorry/);
    assert.equal(text.split("HTTP/1.1").length, 2);
  });

  it("takes requests of node:http2", async () => {
    const server = createHttp2Server((request, response) =>
      handler.request(request, response, (error) => response.destroy(error as Error)),
    );
    const session = connectHttp2(`http://127.0.0.1:${await listening(server)}`);
    const ask = (method: string, path: string, body: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ":method": method, ":path": path });
        let status: number | undefined;
        let text = "";
        stream.setEncoding("utf8").on("response", (head) => {
          status = head[":status"];
        });
        stream.on("data", (piece) => {
          text += piece;
        });
        stream.on("end", () => resolve(`${status} ${text}`)).on("error", reject);
        if (body === "") stream.end();
        else stream.end(body);
      });
    seen.length = 0;
    assert.equal(await ask("GET", "/two?x", ""), "200 ok");
    assert.equal(await ask("POST", "/two", "a body of no known length"), "200 ok");
    assert.match(seen[0]!, /^GET \/two\?x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/);
    await until(() => seen.join("").includes("a body of no known length"), "the body is at the server");
    assert.match(seen[1]!, /transfer-encoding: chunked/i);
    await new Promise<void>((done) => session.close(done));
  });

  it("answers 503 when the proxy is full", async () => {
    const options = { upstream, limits: { connectionsPerAddress: 1 } } as const;
    const fetchHandler = createFetchHandler(options);
    const leaving = new AbortController();
    const info = { clientAddress: "192.0.2.1" };
    const first = fetchHandler(new Request("http://a.example/later", { signal: leaving.signal }), info);
    await until(() => fetchHandler.proxy.connectionCount === 1, "the request is at the proxy");
    const second = await fetchHandler(new Request("http://a.example/"), info);
    assert.deepEqual([second.status, /or is full/.test(await second.text())], [503, true]);
    leaving.abort();
    await assert.rejects(first);
    await fetchHandler.close();
  });

  it("lets go of a request that is aborted while the configuration is made", async () => {
    const fetchHandler = createFetchHandler(() => new Promise(() => {}));
    const signal = AbortSignal.timeout(20);
    await assert.rejects(fetchHandler(new Request("http://a.example/", { signal })), { name: "TimeoutError" });
  });

  it("tells once why it cannot start, and answers 500 to requests and upgrades", async () => {
    const broken = createNodeHandler(() => {
      throw new Error("no such database");
    });
    const warnings: string[] = [];
    const listen = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", listen);
    const server = createServer((request, response) => broken.request(request, response));
    server.on("upgrade", broken.upgrade);
    const port = await listening(server);
    assert.match(await raw(port, "GET / HTTP/1.1"), /^HTTP\/1\.1 500 [\s\S]*standard error says why/);
    assert.match(
      await raw(port, "GET / HTTP/1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
      /^HTTP\/1\.1 500 /,
    );
    await until(() => warnings.length > 0, "the warning");
    process.off("warning", listen);
    assert.deepEqual(warnings, ["no such database"]);
  });
});

function raw(port: number, line: string, more = "Connection: close\r\n"): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(`${line}\r\nHost: a.example\r\n${more}\r\n`));
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
    });
    socket
      .on("end", () => socket.end())
      .on("close", () => resolve(text))
      .on("error", reject);
  });
}
