/**
 * The origin of large bodies: GET /?bytes=N sends them, POST / reads a body and answers with its hash; a POST with
 * ?rate=N reads so many bytes a second.
 *
 *   node --import tsx bench/byte-origin.ts --listen PORT
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { byteStream } from "./byte-stream.ts";
import { pacedHash } from "./paced-hash.ts";

const { values } = parseArgs({ options: { listen: { type: "string" } } });

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(request.method, request.url, error);
    response.destroy();
  });
});
server.requestTimeout = 0;
server.listen(Number(values.listen), "127.0.0.1");

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const query = new URL(request.url ?? "/", "http://origin").searchParams;
  if (request.method === "POST") {
    const rate = query.get("rate");
    const hashed = await pacedHash(request, rate === null ? null : Number(rate));
    response.end(JSON.stringify(hashed));
    return;
  }
  const bytes = Number(query.get("bytes"));
  response.writeHead(200, { "content-type": "application/octet-stream", "content-length": bytes });
  await pipeline(Readable.from(byteStream(bytes), { objectMode: false, highWaterMark: 1 << 20 }), response);
}
