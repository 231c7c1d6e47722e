// A server of Node's own making, run by itself on Node: `node-backend.ts 0` or `node-backend.ts /path/of.sock`.
// What it does is chosen by the path; `/seen` tells what it has seen.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import process from "node:process";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { type WebSocket, WebSocketServer } from "ws";
import * as page from "./page.ts";

// Nobody may start it and forget it.
setTimeout(() => process.exit(3), 280_000).unref();

const seen = { connections: 0, open: 0, requests: 0, cutResponses: 0, cutRequests: 0, tunnels: 0 };
const streams: ServerResponse[] = [];
const block = Buffer.alloc(64 * 1024);
for (let i = 0; i < block.length; i++) block[i] = 33 + ((i * 7 + (i >> 8)) % 90);

type Handler = (request: IncomingMessage, response: ServerResponse, argument: number) => void | Promise<void>;

const handlers: Record<string, Handler> = {
  seen: (_request, response) => answerJson(response, seen),
  echo: async (request, response) => answerJson(response, await describeRequest(request)),
  async upload(request, response) {
    const { bytes, sha256 } = await describeRequest(request);
    response.end(`${bytes} ${sha256}`);
  },
  /** Reads so many bytes a second. */
  async "slow-upload"(request, response, bytesPerSecond) {
    let bytes = 0;
    for await (const piece of request) {
      bytes += piece.length;
      await pause((piece.length * 1000) / bytesPerSecond);
    }
    response.end(String(bytes));
  },
  page: (_request, response) => void response.setHeader("Content-Type", "text/html").end(page.html),
  "page.css": (_request, response) => void response.setHeader("Content-Type", "text/css").end(page.css),
  "page.js": (_request, response) => void response.setHeader("Content-Type", "text/javascript").end(page.script),
  async events(_request, response, count) {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (let id = 1; id <= count; id++) {
      response.write(`id: ${id}\ndata: event ${id}\n\n`);
      await pause(50);
    }
    response.end();
  },
  bytes: (_request, response, length) => sendBytes(response.setHeader("Content-Length", length), length),
  chunked: (_request, response, length) => sendBytes(response, length),
  trailers(_request, response) {
    response.writeHead(200, { Trailer: "X-Sum, X-Sum-2" });
    response.write("with trailers\n");
    response.addTrailers({ "X-Sum": "abc", "X-Sum-2": "def" });
    response.end();
  },
  early(_request, response) {
    response.writeHead(413, { "Content-Length": 9 }).end("too much\n");
  },
  "early-close"(_request, response) {
    response.writeHead(413, { Connection: "close", "Content-Length": 9 }).end("too much\n");
  },
  async slow(_request, response, ms) {
    response.writeHead(200, { "Content-Length": 10 });
    response.write("first");
    await pause(ms);
    response.end("-last");
  },
  async late(_request, response, ms) {
    await pause(ms);
    response.end("late\n");
  },
  stream(_request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
    response.flushHeaders();
    streams.push(response);
  },
  /** The next event of every stream; `/fire/0` ends them. */
  fire(_request, response, id) {
    for (const stream of streams) {
      if (id === 0) stream.end();
      else stream.write(`id: ${id}\ndata: event ${id}\n\n`);
    }
    if (id === 0) streams.length = 0;
    response.end();
  },
  gzip(_request, response) {
    response
      .writeHead(200, { "Content-Encoding": "gzip", Vary: "Accept-Encoding" })
      .end(gzipSync("squeezed ".repeat(1000)));
  },
  redirect(_request, response) {
    response.writeHead(302, { Location: "/bytes/5" }).end();
  },
  status(_request, response, status) {
    response.writeHead(status, status === 304 ? { ETag: '"x"' } : {}).end();
  },
  hints(_request, response) {
    response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
    response.end("hinted\n");
  },
  hang() {},
  cut(_request, response, length) {
    response.writeHead(200, { "Content-Length": length * 2 });
    response.write(block.subarray(0, length), () => setTimeout(() => response.socket?.destroy(), 50));
  },
  "cut-chunked"(_request, response, length) {
    response.write(block.subarray(0, length), () => setTimeout(() => response.socket?.destroy(), 50));
  },
  crash(_request, response) {
    response.writeHead(200, { "Content-Length": 1_000_000 });
    response.write(block, () => setTimeout(() => process.kill(process.pid, "SIGKILL"), 50));
  },
};

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => void handle(request, response));
server.on("checkContinue", (request, response) => {
  if (request.url === "/refuse") {
    response.writeHead(401, { Connection: "close" }).end("not you\n");
    return;
  }
  response.writeContinue();
  void handle(request, response);
});
server.on("connection", (socket) => {
  seen.connections++;
  seen.open++;
  socket.on("close", () => seen.open--);
});
server.on("upgrade", onUpgrade);
const [listenOn = "0"] = process.argv.slice(2);
server.listen(listenOn === "0" ? { port: 0, host: "127.0.0.1" } : { path: listenOn }, () => {
  const address = server.address();
  console.log(`listening ${typeof address === "object" ? address?.port : 0}`);
});

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // The question itself does not count.
  if (request.url !== "/seen") seen.requests++;
  response.on("close", () => {
    if (!response.writableFinished) seen.cutResponses++;
    if (!request.complete) seen.cutRequests++;
  });
  response.on("error", () => {});
  request.on("error", () => {});
  const [, name = "", argument = ""] = /^\/([^/?]*)\/?([^/?]*)/.exec(request.url ?? "") ?? [];
  const handler = handlers[name];
  if (handler === undefined) {
    response.writeHead(404).end("nothing here\n");
    return;
  }
  await handler(request, response, Number(argument));
}

function answerJson(response: ServerResponse, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) }).end(body);
}

async function describeRequest(request: IncomingMessage) {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const piece of request) {
      bytes += piece.length;
      hash.update(piece);
    }
  } catch {
    // Cut off: counted where the response closes.
  }
  return {
    method: request.method,
    target: request.url,
    version: request.httpVersion,
    rawHeaders: request.rawHeaders,
    rawTrailers: request.rawTrailers,
    bytes,
    sha256: hash.digest("hex"),
  };
}

function sendBytes(response: ServerResponse, length: number): void {
  let left = length;
  const send = () => {
    while (left > 0) {
      const piece = left >= block.length ? block : block.subarray(0, left);
      left -= piece.length;
      if (!response.write(piece)) {
        response.once("drain", send);
        return;
      }
    }
    response.end();
  };
  send();
}

// ---- upgrades

const sockets = new WebSocketServer({
  noServer: true,
  maxPayload: 8 * 1024 * 1024,
  perMessageDeflate: { threshold: 0 },
});

function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
  seen.tunnels++;
  socket.on("error", () => {});
  socket.on("close", () => seen.tunnels--);
  const { url = "" } = request;
  if (url.startsWith("/ws")) {
    sockets.handleUpgrade(request, socket, head, (webSocket) => speakWebSocket(webSocket, url));
    return;
  }
  if (url === "/refuse") {
    socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\nWWW-Authenticate: Basic\r\n\r\nno!\n");
    return;
  }
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\nhello\n`,
  );
  if (url === "/reverse") speakReverse(socket, head);
  else if (url === "/talk-first") {
    socket.end("goodbye\n");
    socket.on("data", (piece) => console.log(`tunnel: ${piece}`));
  } else {
    socket.write(head);
    socket.pipe(socket);
  }
}

/** Answers only when the client has said all: needs half-close through the proxy. */
function speakReverse(socket: Duplex, head: Buffer): void {
  const pieces: Buffer[] = [head];
  socket.on("data", (piece: Buffer) => pieces.push(piece));
  socket.on("end", () => socket.end(`${Buffer.concat(pieces).toString("latin1").split("").reverse().join("")}.`));
}

function speakWebSocket(webSocket: WebSocket, url: string): void {
  webSocket.on("error", () => {});
  if (url === "/ws/first") webSocket.send("server speaks first");
  if (url === "/ws/close") webSocket.close(4001, "server's reason");
  webSocket.on("close", (code, reason) => console.log(`ws closed ${code} ${reason}`));
  webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
}
