import { headOfRequest, type RequestLine } from "../core/explain/request-line.ts";
import { joinBytes } from "./wire.ts";

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

/** The request's bytes. */
export function bytesOfRequest(line: RequestLine, options: RequestOptions): Uint8Array {
  const body = typeof options.body === "string" ? new TextEncoder().encode(options.body) : options.body;
  const expectsBody = body !== undefined || ["POST", "PUT", "PATCH"].includes(line.method);
  const head = headOfRequest(line, fieldsOf(options.headers), expectsBody ? (body?.length ?? 0) : -1);
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
