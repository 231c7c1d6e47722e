/** One request of a node:http server on its way through a proxy. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { copyOf } from "../core/bytes/text.ts";
import type { ClientConnection } from "../core/h1/client.ts";
import { BODY_CHUNKED, BODY_LENGTH, BODY_NONE, type ResponseHead } from "../core/http/message.ts";
import { OutgoingHead } from "../core/http/outgoing.ts";
import type { ResponseHandler } from "../core/http/wire.ts";
import { cut, type MountedProxy, unanswered } from "./mounted-proxy.ts";
import { declaredLength, isSendable, passingOfRequest, passingOfResponse, UNSENDABLE } from "./passing-fields.ts";
import { ResetProbe } from "./reset-probe.ts";

const BODILESS = [204, 304];
const NOTHING = new Uint8Array(0);
/** What node:http2 throws at beyond it, as in RFC 9110 section 15. */
const HTTP2_STATUS_MAX = 599;

export class NodeRequest implements ResponseHandler {
  readonly #mounted: MountedProxy;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #onData = (bytes: Uint8Array): void => this.#send(bytes);
  readonly #onEnd = (): void => this.#complete();
  readonly #onDrain = (): void => this.#connection?.release();
  readonly #onGone = (): void => this.#leave();
  /** Null for HTTP/2, whose connection is read for all of its requests. */
  readonly #probe: ResetProbe | null;
  #connection: ClientConnection | null = null;
  #isTaken = false;
  #hasHead = false;
  #isOver = false;

  constructor(mounted: MountedProxy, request: IncomingMessage, response: ServerResponse) {
    this.#mounted = mounted;
    this.#request = request;
    this.#response = response;
    this.#probe = request.httpVersionMajor < 2 ? new ResetProbe(request.socket) : null;
  }

  begin(): void {
    const request = this.#request;
    const response = this.#response;
    if (isGone(request, response)) return;
    const outgoing = headOf(request);
    if (!isSendable(outgoing)) {
      this.#answerInstead(400, UNSENDABLE);
      return;
    }
    const { connection, isTaken } = this.#mounted.open(placeOf(request));
    this.#connection = connection;
    this.#isTaken = isTaken;
    response.on("close", this.#onGone).on("error", this.#onGone).on("drain", this.#onDrain);
    request.on("error", this.#onGone).on("aborted", this.#onGone);
    this.#mounted.begin(connection, this, outgoing);
    if (outgoing.body === BODY_NONE) {
      connection.end(null);
      return;
    }
    connection.flush();
    request.on("data", this.#onData).on("end", this.#onEnd);
    request.resume(); // a middleware that waits for something may have paused it
  }

  // ── the request's body ─────────────────────────────────────────────────────────────────────────────────────

  /** A copy, because the server's parser may read into the same memory again. */
  #send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#connection!.body(copyOf(bytes, 0, bytes.length), 0, bytes.length)) {
      this.#request.pause();
      this.#probe?.start();
    }
    this.#connection!.flush();
  }

  #complete(): void {
    if (!this.#isOver) this.#connection!.end(null);
  }

  onWritable(): void {
    if (this.#isOver) return;
    this.#probe?.stop();
    this.#request.resume();
  }

  // ── the response ───────────────────────────────────────────────────────────────────────────────────────────

  onInterim(): void {}

  onHead(head: ResponseHead): void {
    const response = this.#response;
    if (response.headersSent) {
      this.#leave(); // somebody else has answered meanwhile, such as a middleware that did not want to wait
      return;
    }
    const isHttp2 = this.#request.httpVersionMajor >= 2;
    if (isHttp2 && head.status > HTTP2_STATUS_MAX) {
      this.#answerInstead(502, `the server answered with status ${head.status}, which node:http2 cannot send`);
      cut(this.#connection!);
      return;
    }
    this.#hasHead = true;
    response.statusCode = head.status;
    if (!isHttp2) response.statusMessage = head.reasonText; // HTTP/2 has none, and node:http2 warns of one
    for (const [name, values] of grouped(passingOfResponse(head)))
      response.setHeader(name, values.length === 1 ? values[0]! : isHttp2 ? inHttp2(name, values) : values);
    this.#closeBehind();
    // Sends the head now, as `flushHeaders` does; but that writes bytes above 127 as UTF-8 on Node, and thereby others.
    if (this.#request.method !== "HEAD" && !BODILESS.includes(head.status)) response.write(NOTHING);
  }

  /** What is left of the upload would be read to its end for nobody. HTTP/2 ends one request without the others. */
  #closeBehind(): void {
    if (!this.#request.complete && this.#request.httpVersionMajor < 2) this.#response.setHeader("Connection", "close");
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#response.write(copyOf(bytes, start, end))) this.#connection!.hold();
  }

  onFlush(): void {}

  onEnd(): void {
    this.#over();
    this.#connection!.close();
    this.#response.end();
  }

  onFault(): void {
    if (this.#hasHead) {
      this.#over();
      breakOff(this.#request, this.#response);
      return;
    }
    const { status, text } = unanswered(this.#isTaken);
    this.#answerInstead(status, text);
  }

  // ── the end ────────────────────────────────────────────────────────────────────────────────────────────────

  #answerInstead(status: number, text: string): void {
    this.#over();
    if (this.#response.headersSent) return;
    this.#response.statusCode = status;
    this.#response.setHeader("Content-Type", "text/plain; charset=utf-8");
    this.#closeBehind();
    this.#response.end(`${text}\n`);
  }

  /** The client has gone. */
  #leave(): void {
    if (this.#isOver) return;
    this.#over();
    cut(this.#connection!);
  }

  #over(): void {
    this.#isOver = true;
    this.#probe?.stop();
    this.#request.off("data", this.#onData).off("end", this.#onEnd);
    this.#response.off("drain", this.#onDrain);
  }
}

/** Express and its like cut off the prefix they mounted something at, and that is the path a middleware has. */
function headOf(request: IncomingMessage): OutgoingHead {
  const outgoing = new OutgoingHead();
  outgoing.method = request.method ?? "GET";
  outgoing.target = request.url ?? "/";
  const { authority, fields } = fieldsOf(request);
  if (authority !== null) outgoing.add("Host", authority);
  for (const [name, value] of passingOfRequest(fields)) outgoing.add(name, value);
  const length = bodyLength(request);
  outgoing.body = length === -1 ? BODY_CHUNKED : length > 0 ? BODY_LENGTH : BODY_NONE;
  // A GET without a body has no length to tell of.
  outgoing.contentLength = length === 0 && request.headers["content-length"] === undefined ? -1 : length;
  return outgoing;
}

/**
 * In HTTP/2, which node:http2 offers through the same interface, the first fields are no fields. Its authority is the
 * host, and a field beside it must not be believed (RFC 9113 section 8.3.1).
 */
function fieldsOf({ rawHeaders, httpVersionMajor }: IncomingMessage): { authority: string | null; fields: string[] } {
  if (httpVersionMajor < 2) return { authority: null, fields: rawHeaders };
  const fields: string[] = [];
  const hosts: string[] = [];
  const cookies: string[] = [];
  let authority: string | null = null;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    if (name === ":authority") authority = value;
    if (name.startsWith(":")) continue;
    if (name === "host") hosts.push(name, value);
    else if (name === "cookie") cookies.push(value);
    else fields.push(name, value);
  }
  // There each may have a field of its own; elsewhere they share one (section 8.2.3).
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  return { authority, fields: authority === null ? [...hosts, ...fields] : fields };
}

/** -1: nobody knows. */
function bodyLength(request: IncomingMessage): number {
  const { headers, httpVersionMajor } = request;
  if (headers["transfer-encoding"] !== undefined) return -1;
  const length = declaredLength(headers["content-length"]);
  if (length !== -1) return length;
  // There a body needs neither field.
  const { stream } = request as { stream?: { readonly endAfterHeaders?: boolean } };
  return httpVersionMajor >= 2 && stream?.endAfterHeaders !== true ? -1 : 0;
}

/** The only way to show that a response is not whole. Without an error node:http2 ends it as if it were. */
export function breakOff({ httpVersion, httpVersionMajor }: IncomingMessage, response: ServerResponse): void {
  if (httpVersionMajor >= 2) response.destroy(new Error("the response was cut off"));
  else if (httpVersion === "1.0" && !response.hasHeader("content-length") && response.socket !== null)
    reset(response.socket);
  else response.destroy();
}

/** Where the end of a connection is the end of what it carries, closing it would look like that. */
export function reset(socket: Duplex): void {
  try {
    (socket as Socket).resetAndDestroy();
  } catch {
    socket.destroy(); // no TCP, or TLS, which shows by itself that it was not ended
  }
}

/** Nobody is there any more to be answered. */
export function isGone(request: IncomingMessage, response: ServerResponse): boolean {
  return response.destroyed || request.socket?.destroyed === true;
}

/** Whether it has a body that somebody else has read, such as a parser of bodies mounted before. */
export function isReadAlready(request: IncomingMessage): boolean {
  return bodyLength(request) !== 0 && (request.readableEnded || request.readableDidRead === true);
}

/** Texts are not the bytes they were made of. */
export function isReadAsText(request: IncomingMessage): boolean {
  return bodyLength(request) !== 0 && typeof request.readableEncoding === "string";
}

export function placeOf(request: IncomingMessage): { address: string | undefined; isSecure: boolean } {
  const { socket } = request;
  return { address: socket?.remoteAddress, isSecure: (socket as { encrypted?: boolean } | null)?.encrypted === true };
}

/** Lines of one name become neighbours, where servers take one list for each name. */
function grouped(fields: readonly (readonly [string, string])[]): Iterable<[string, string[]]> {
  const groups = new Map<string, [string, string[]]>();
  for (const [name, value] of fields) {
    const group = groups.get(name.toLowerCase());
    if (group === undefined) groups.set(name.toLowerCase(), [name, [value]]);
    else group[1].push(value);
  }
  return groups.values();
}

/** node:http2 throws at several lines of fields that are no lists; joined they say the same (RFC 9110 section 5.3). */
function inHttp2(name: string, values: string[]): string | string[] {
  return name.toLowerCase() === "set-cookie" ? values : values.join(", ");
}
