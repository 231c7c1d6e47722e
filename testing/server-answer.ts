import { hasNoBody, reasonOf } from "../core/http/status.ts";
import type { Duration } from "./duration.ts";
import type { ArrivedRequest } from "./origin.ts";
import { fieldsOf } from "./request-line.ts";
import { bytesOfText, joinBytes } from "./wire.ts";

/** A request as a scripted server got it. */
export interface TestRequest {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
  /** As in the `Host` field. */
  readonly host: string;
  readonly headers: Headers;
  /** Name and value in the order and spelling of the wire. */
  readonly fields: readonly (readonly [string, string])[];
  /** As UTF-8. */
  readonly body: string;
  readonly bytes: Uint8Array;
  /** The server's address. */
  readonly server: string;
  /** Virtual milliseconds since the proxy was made. */
  readonly atMs: number;
  /** Number of the connection it came by, from 1: the same where a kept one was used again. */
  readonly connection: number;
}

/** What a scripted server says: the body of a 200, a status, or all of it. */
export type Answer = string | number | AnswerRecord | ((request: TestRequest) => AnswerNow | Promise<AnswerNow>);
/** What a scripted server answers: a body, a status, or both and more. */
export type AnswerNow = string | number | AnswerRecord;

/** A response of a scripted server; what is left out is 200, no body, no fields. */
export interface AnswerRecord {
  /** Default 200. */
  readonly status?: number;
  /** `Content-Length` comes by itself unless one is given, or `Transfer-Encoding`. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | Headers;
  /** Text is sent as UTF-8; with `Transfer-Encoding: chunked` write the chunks yourself. */
  readonly body?: string | Uint8Array;
  /** A body of JSON, with its `Content-Type`. */
  readonly json?: unknown;
  /** How long it takes; at once when left out. */
  readonly delay?: Duration;
  /** Exactly these bytes, and nothing of the above but `delay`. */
  readonly raw?: string | Uint8Array;
}

/** Head and body apart, so that a body can be cut. */
export interface WrittenAnswer {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

/** What a typing mistake makes of an answer would look like a server that fails. */
export function checkAnswer(answer: AnswerNow): void {
  const status = typeof answer === "object" && answer !== null ? (answer.status ?? 200) : answer;
  const isRight = typeof status === "string" || (Number.isInteger(status) && status >= 100 && status <= 599);
  if (isRight) return;
  const told = typeof answer === "object" ? JSON.stringify(answer) : String(answer);
  throw new TypeError(`a server can't answer ${told}: give a text, a status, or { status, headers, body }`);
}

export function writeAnswer(answer: AnswerNow, method: string): WrittenAnswer {
  checkAnswer(answer);
  const given =
    typeof answer === "string" ? { body: answer } : typeof answer === "number" ? { status: answer } : answer;
  const { status = 200, headers, json, raw } = given;
  if (raw !== undefined) return { head: typeof raw === "string" ? bytesOfText(raw) : raw, body: NOTHING };
  const fields = fieldsOf(headers);
  const has = (wanted: string): boolean => fields.some(([name]) => name.toLowerCase() === wanted);
  const content = json === undefined ? (given.body ?? "") : `${JSON.stringify(json)}\n`;
  if (json !== undefined && !has("content-type")) fields.push(["Content-Type", "application/json"]);
  const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const isBare = hasNoBody(status);
  if (!isBare && !has("content-length") && !has("transfer-encoding"))
    fields.push(["Content-Length", String(body.length)]);
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = bytesOfText(`HTTP/1.1 ${status} ${reasonOf(status)}\r\n${lines}\r\n`);
  return { head, body: isBare || method === "HEAD" ? NOTHING : body };
}

export function bytesOfAnswer({ head, body }: WrittenAnswer): Uint8Array {
  return joinBytes([head, body]);
}

export function testRequest(request: ArrivedRequest, server: string, atMs: number): TestRequest {
  const { method, target, fields } = request;
  const bytes = bytesOfText(request.body);
  const mark = target.indexOf("?");
  const headers = new Headers(fields.map(([name, value]): [string, string] => [name, value]));
  return {
    method,
    target,
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark + 1),
    host: headers.get("host") ?? "",
    headers,
    fields,
    body: new TextDecoder().decode(bytes),
    bytes,
    server,
    atMs,
    connection: request.link.number,
  };
}

const NOTHING = new Uint8Array(0);
