/**
 * What heads cost: parsed and written, nanoseconds each, best of several rounds.
 *
 *   node --import tsx bench/head.ts     npx bun bench/head.ts     npx deno run -A bench/head.ts
 */
import { Outbox } from "../core/bytes/outbox.ts";
import { Slab } from "../core/bytes/slab.ts";
import { bytesOf } from "../core/bytes/text.ts";
import { type HeadBounds, parseRequestHead, parseResponseHead } from "../core/h1/parse-head.ts";
import { writeRequestHead } from "../core/h1/write-head.ts";
import { dropHopByHopOfRequest } from "../core/http/hop.ts";
import { RequestHead, ResponseHead } from "../core/http/message.ts";
import { OutgoingHead } from "../core/http/outgoing.ts";
import { checkRequest } from "../core/http/request-rules.ts";
import type { Socket } from "../core/runtime.ts";

const BOUNDS: HeadBounds = { headBytesMax: 65536, fieldsMax: 200, nameBytesMax: 256, targetBytesMax: 16384 };

const SMALL = bytesOf(
  "GET /bench/path?id=42 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: load/1.0\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
);
const BROWSER = bytesOf(
  [
    "GET /assets/app/main.js?v=3f9a HTTP/1.1",
    "Host: shop.example.com",
    "Connection: keep-alive",
    'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
    "sec-ch-ua-mobile: ?0",
    'sec-ch-ua-platform: "Linux"',
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Sec-Fetch-Site: same-origin",
    "Sec-Fetch-Mode: no-cors",
    "Sec-Fetch-Dest: script",
    "Referer: https://shop.example.com/products/list",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-GB,en;q=0.9",
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
    "\r\n",
  ].join("\r\n"),
);
const RESPONSE = bytesOf(
  'HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 1234\r\nETag: "5f-abc"\r\nCache-Control: max-age=60\r\nConnection: keep-alive\r\n\r\n',
);

const accept = (): boolean => true;
const socket = { write: accept, writeRange: accept, writeMore: accept } as unknown as Socket;
const outbox = new Outbox();
outbox.goTo(socket, new Slab());
const request = new RequestHead();
const response = new ResponseHead();

function parse(bytes: Uint8Array): void {
  request.clear();
  if (parseRequestHead(request, bytes, 0, bytes.length, BOUNDS) !== bytes.length) throw new Error("not parsed");
}

function parseResponse(): void {
  response.clear();
  if (parseResponseHead(response, RESPONSE, 0, RESPONSE.length, BOUNDS) !== RESPONSE.length)
    throw new Error("not parsed");
}

function write(): void {
  const outgoing = new OutgoingHead();
  outgoing.fields = request.fields;
  writeRequestHead(outbox, outgoing, request);
  outbox.flush();
}

function measure(name: string, run: () => void): void {
  let bestNs = Number.POSITIVE_INFINITY;
  const count = 50_000;
  for (let round = 0; round < 15; round++) {
    const startedMs = performance.now();
    for (let i = 0; i < count; i++) run();
    bestNs = Math.min(bestNs, ((performance.now() - startedMs) * 1e6) / count);
  }
  console.log(`${name.padEnd(36)} ${bestNs.toFixed(0).padStart(6)} ns`);
}

for (const [name, bytes] of [
  ["small request", SMALL],
  ["browser request", BROWSER],
] as const) {
  const title = `${name}, ${bytes.length} bytes`;
  measure(`${title}: parse`, () => parse(bytes));
  measure(`${title}: parse and check`, () => {
    parse(bytes);
    if (checkRequest(request, "http") < 0) throw new Error("refused");
  });
  dropHopByHopOfRequest(request.fields, false);
  measure(`${title}: write`, write);
}
measure(`response, ${RESPONSE.length} bytes: parse`, parseResponse);
