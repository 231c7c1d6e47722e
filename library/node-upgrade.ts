/**
 * A connection of a node:http server that asks to switch protocols. Nothing the client sends behind its head goes on
 * before 101: behind a refusal it would be read as a request, past all that the program checks first.
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { bytesOf, copyOf } from "../core/bytes/text.ts";
import type { ClientConnection } from "../core/h1/client.ts";
import { BODY_NONE, type ResponseHead } from "../core/http/message.ts";
import { OutgoingHead } from "../core/http/outgoing.ts";
import type { ResponseHandler } from "../core/http/wire.ts";
import { cut, type MountedProxy, unanswered } from "./mounted-proxy.ts";
import { placeOf, reset } from "./node-request.ts";
import { declaredLength, isSendable, passingOfRequest, passingOfResponse, UNSENDABLE } from "./passing-fields.ts";
import { ResetProbe } from "./reset-probe.ts";

/** How long a client may take to read a refusal and close. */
const FAREWELL_MS = 5_000;

export class NodeUpgrade implements ResponseHandler {
  readonly #mounted: MountedProxy;
  readonly #request: IncomingMessage;
  readonly #socket: Duplex;
  readonly #probe: ResetProbe;
  /** What came before 101. */
  #first: Uint8Array;
  #connection: ClientConnection | null = null;
  #isTaken = false;
  #hasHead = false;
  #isTunnel = false;
  #hasClientEnded = false;
  #hasEnded = false;
  #isOver = false;

  constructor(mounted: MountedProxy, request: IncomingMessage, socket: Duplex, first: Uint8Array) {
    this.#mounted = mounted;
    this.#request = request;
    this.#socket = socket;
    this.#probe = new ResetProbe(socket);
    this.#first = first;
  }

  begin(): void {
    const socket = this.#socket;
    const request = this.#request;
    socket.on("error", () => this.#leave()).on("close", () => this.#leave());
    socket.once("close", () => this.#probe.stop());
    if (socket.destroyed) return;
    const { headers } = request;
    if (headers["transfer-encoding"] !== undefined || declaredLength(headers["content-length"]) > 0) {
      this.#answerInstead(400, "a request to switch protocols has no body");
      return;
    }
    const outgoing = new OutgoingHead();
    outgoing.method = request.method ?? "GET";
    outgoing.target = request.url ?? "/";
    outgoing.body = BODY_NONE;
    for (const [name, value] of passingOfRequest(request.rawHeaders)) outgoing.add(name, value);
    outgoing.add("Connection", "Upgrade");
    outgoing.add("Upgrade", headers.upgrade ?? "");
    if (!isSendable(outgoing)) {
      this.#answerInstead(400, UNSENDABLE);
      return;
    }
    const { connection, isTaken } = this.#mounted.open(placeOf(request));
    this.#connection = connection;
    this.#isTaken = isTaken;
    this.#mounted.begin(connection, this, outgoing, true);
    connection.end(null);
    // Who does not read is not told when the client leaves. Where something came already, no more is read than that.
    if (this.#first.length > 0) this.#hold();
    socket.on("drain", () => connection.release());
    socket.on("data", (bytes: Uint8Array) => this.#take(bytes)).on("end", () => this.#clientEnded());
  }

  // ── from the client ────────────────────────────────────────────────────────────────────────────────────────

  #openTunnel(): void {
    this.#isTunnel = true;
    this.#resume();
    if (this.#first.length > 0) this.#send(this.#first);
    if (this.#hasClientEnded) this.#connection!.end(null);
  }

  #take(bytes: Uint8Array): void {
    if (this.#isTunnel) this.#send(bytes);
    else if (!this.#isOver) {
      this.#first = Buffer.concat([this.#first, bytes]);
      this.#hold();
    }
  }

  #clientEnded(): void {
    if (this.#isOver) return;
    if (this.#isTunnel) this.#connection!.end(null);
    else if (this.#first.length > 0) this.#hasClientEnded = true;
    else this.#socket.destroy(); // it has gone: the server around us takes the end of any request's client for that
  }

  #send(bytes: Uint8Array): void {
    if (this.#isOver) return;
    if (!this.#connection!.body(copyOf(bytes, 0, bytes.length), 0, bytes.length)) this.#hold();
    this.#connection!.flush();
  }

  onWritable(): void {
    if (this.#isTunnel && !this.#isOver) this.#resume();
  }

  #hold(): void {
    this.#socket.pause();
    this.#probe.start();
  }

  #resume(): void {
    this.#probe.stop();
    this.#socket.resume();
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#connection !== null) cut(this.#connection);
  }

  // ── from the proxy ─────────────────────────────────────────────────────────────────────────────────────────

  onInterim(): void {}

  onHead(head: ResponseHead): void {
    this.#hasHead = true;
    const isSwitch = head.status === 101;
    const fields = passingOfResponse(head);
    if (isSwitch) fields.push(["Connection", "Upgrade"], ["Upgrade", head.fields.value("upgrade") ?? ""]);
    else fields.push(["Connection", "close"]);
    this.#writeHead(head.status, head.reasonText, fields);
    if (isSwitch) this.#openTunnel();
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#socket.write(copyOf(bytes, start, end))) this.#connection!.hold();
  }

  onFlush(): void {}

  onEnd(): void {
    this.#hasEnded = true;
    if (this.#isTunnel) this.#socket.end();
    else {
      this.#isOver = true;
      this.#connection!.close();
      this.#farewell();
    }
  }

  onFault(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#hasHead) {
      // In a tunnel this is also how both ends having ended is told.
      if (this.#isTunnel && this.#hasEnded) this.#farewell();
      else reset(this.#socket);
      return;
    }
    const { status, text } = unanswered(this.#isTaken);
    this.#answerInstead(status, text);
  }

  #answerInstead(status: number, text: string): void {
    this.#isOver = true;
    const fields: [string, string][] = [
      ["Content-Type", "text/plain; charset=utf-8"],
      ["Content-Length", String(text.length + 1)],
      ["Connection", "close"],
    ];
    this.#writeHead(status, status === 400 ? "Bad Request" : "Unavailable", fields);
    this.#socket.write(`${text}\n`);
    this.#farewell();
  }

  #writeHead(status: number, reason: string, fields: readonly (readonly [string, string])[]): void {
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.#socket.write(bytesOf(`HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`));
  }

  /** What the client still sends is dropped, for a moment: closed at once, it might not get to read the answer. */
  #farewell(): void {
    const socket = this.#socket;
    this.#resume();
    socket.end();
    const timer = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once("close", () => clearTimeout(timer));
  }
}
