import assert from "node:assert/strict";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type OutgoingHttpHeaders,
} from "node:http2";
import { createServer as createTcpServer, type Server } from "node:net";
import { after, before, describe, it } from "@std/testing/bdd";
import { createNodeHandler, type NodeHandler } from "../../library/mod.ts";

/** By the path that is asked for. */
const ANSWERS: Record<string, string> = {
  "/": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
  "/twice":
    "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nX-Content-Type-Options: nosniff\r\nSet-Cookie: a=1\r\n" +
    "Set-Cookie: b=2\r\nContent-Length: 2\r\n\r\nok",
  "/999": "HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nok",
  "/cut": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
};

interface Answer {
  readonly status: unknown;
  readonly fields: Record<string, unknown>;
  readonly text: string;
  /** 0: it says that this was all. */
  readonly code: number | undefined;
}

describe("the node handler behind node:http2", () => {
  let backend: Server;
  let handler: NodeHandler;
  let server: Http2Server;
  let session: ClientHttp2Session;
  let onLeft: (request: Http2ServerRequest, response: Http2ServerResponse) => void = () => {};
  /** The last request, as it came to the backend. */
  let asked = "";

  before(async () => {
    backend = createTcpServer((socket) => {
      socket
        .on("error", () => {})
        .on("data", (bytes) => {
          asked = bytes.toString("latin1");
          const path = asked.split(" ")[1]!;
          socket.write(ANSWERS[path]!, () => {
            if (path === "/cut") setTimeout(() => socket.destroy(), 20);
          });
        });
    });
    handler = createNodeHandler({ upstream: { servers: [`127.0.0.1:${await listening(backend)}`] } });
    server = createServer((request, response) => {
      if (request.url === "/begun") response.write("mine");
      if (request.url === "/left") request.on("close", () => setTimeout(() => onLeft(request, response), 20));
      else handler.request(request, response);
    });
    session = connect(`http://127.0.0.1:${await listening(server)}`);
  });
  after(async () => {
    await new Promise<void>((done) => session.close(done));
    await handler.close();
    await Promise.all([server, backend].map((one) => new Promise<void>((done) => void one.close(() => done()))));
  });

  function ask(path: string, more: OutgoingHttpHeaders = {}): Promise<Answer> {
    return new Promise((resolve) => {
      const stream = session.request({ ":path": path, ...more });
      let fields: Record<string, unknown> = {};
      let text = "";
      stream.on("response", (head) => {
        fields = head;
      });
      stream
        .setEncoding("utf8")
        .on("data", (piece) => {
          text += piece;
        })
        .on("error", () => {})
        .on("close", () => resolve({ status: fields[":status"], fields, text, code: stream.rstCode }));
    });
  }

  it("takes a field that comes twice and that node:http2 lets stand only once", async () => {
    const { status, fields, text } = await ask("/twice");
    assert.deepEqual([status, text], [200, "ok"]);
    assert.equal(fields["x-content-type-options"], "nosniff, nosniff");
    assert.deepEqual(fields["set-cookie"], ["a=1", "b=2"]);
  });

  it("hands on cookies that came one by one as one field, as HTTP/1.1 has them", async () => {
    assert.equal((await ask("/", { cookie: ["a=1", "b=2"], "x-other": "c" })).text, "ok");
    assert.deepEqual(asked.match(/^cookie:.*$/gim), ["cookie: a=1; b=2"]);
    await ask("/");
    assert.doesNotMatch(asked, /cookie/i);
  });

  it("goes by the authority, whatever a field beside it says of the host", async () => {
    assert.equal((await ask("/", { ":authority": "a.example", host: "b.example" })).text, "ok");
    assert.deepEqual(asked.match(/^(?:x-forwarded-)?host:.*$/gim), ["Host: a.example", "X-Forwarded-Host: a.example"]);
  });

  it("answers 502 for a status that node:http2 does not know", async () => {
    const { status, text } = await ask("/999");
    assert.equal(status, 502);
    assert.match(text, /status 999/);
    assert.equal((await ask("/")).text, "ok");
  });

  it("shows that a response was cut", async () => {
    const { status, text, code } = await ask("/cut");
    assert.deepEqual([status, text], [200, "ok"]);
    assert.equal(code, 2);
    assert.equal((await ask("/begun")).code, 2);
    assert.equal((await ask("/")).text, "ok");
  });

  it("makes no error of a request whose client has gone meanwhile", async () => {
    for (const method of ["GET", "POST"]) {
      const left = new Promise<unknown[]>((done) => {
        onLeft = (request, response) => {
          const errors: unknown[] = [];
          handler.request(request, response, (error) => errors.push(error));
          done(errors);
        };
      });
      const stream = session.request({ ":path": "/left", ":method": method }).on("error", () => {});
      if (method === "POST") stream.write("part");
      setTimeout(() => stream.close(8), 20);
      assert.deepEqual(await left, []);
    }
  });
});

function listening(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}
