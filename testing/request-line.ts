import { bytesOfText, joinBytes } from "./wire.ts";

/** What is sent besides the request line. */
export interface RequestOptions {
  /** Sent in this order; a list makes a field of each. `Host` and `Content-Length` come by themselves unless given. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | Headers;
  /** Text is sent as UTF-8. */
  readonly body?: string | Uint8Array;
  /** Address the client connects from; default `192.0.2.1`. */
  readonly client?: string;
  /** The listener it comes to, by its name (or else address as configured); default: the first. */
  readonly listener?: string;
}

/** A request as written in a test, taken apart. */
export interface RequestLine {
  readonly method: string;
  /** As it stands in the `Host` field. */
  readonly authority: string;
  /** Path and query, byte for byte as written. */
  readonly target: string;
}

/** What a client is that nobody named: an address of no network (RFC 5737), so that nobody trusts it by chance. */
export const DEFAULT_CLIENT = "192.0.2.1";
const DEFAULT_HOST = "localhost";

const LINE = /^(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +)?(?:https?:\/\/([^/?#]+))?([/?*][^#]*)?$/;
const FORMS = '"GET https://a.example/x", "GET /x" or "https://a.example/x"';

/** Nothing is normalised: what is written is what is sent. Throws when it can't be sent. */
export function parseRequestLine(line: string): RequestLine {
  const match = LINE.exec(line);
  if (match === null || line === "" || (match[2] === undefined && match[3] === undefined))
    throw new TypeError(`${JSON.stringify(line)} is no request: write ${FORMS}`);
  const [, method = "GET", authority = DEFAULT_HOST, rest = "/"] = match;
  const target = rest.startsWith("?") ? `/${rest}` : rest;
  const bad = /[^\x21-\x7e]/.exec(authority + target);
  if (bad !== null)
    throw new TypeError(
      `${JSON.stringify(line)} holds ${JSON.stringify(bad[0])}: escape it (%20), or send raw bytes by connect()`,
    );
  return { method, authority, target };
}

/** The request's bytes. */
export function bytesOfRequest({ method, authority, target }: RequestLine, options: RequestOptions): Uint8Array {
  const fields = fieldsOf(options.headers);
  const has = (wanted: string): boolean => fields.some(([name]) => name.toLowerCase() === wanted);
  const body = typeof options.body === "string" ? new TextEncoder().encode(options.body) : options.body;
  if (!has("host")) fields.unshift(["Host", authority]);
  const expectsBody = body !== undefined || ["POST", "PUT", "PATCH"].includes(method);
  if (expectsBody && !has("content-length") && !has("transfer-encoding"))
    fields.push(["Content-Length", String(body?.length ?? 0)]);
  const lines = fields.map(([name, value]) => `${name}: ${checked(name, value)}\r\n`);
  const head = bytesOfText(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`);
  return body === undefined ? head : joinBytes([head, body]);
}

/** Name and value of each, lists spread out. */
export function fieldsOf(headers: RequestOptions["headers"]): [string, string][] {
  if (headers === undefined) return [];
  if (headers instanceof Headers) return [...headers];
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one): [string, string] => [name, one]),
  );
}

function checked(name: string, value: string): string {
  if (/[\r\n\0]/.test(name + value)) throw new TypeError(`header ${JSON.stringify(name)} holds a line break or NUL`);
  return value;
}
