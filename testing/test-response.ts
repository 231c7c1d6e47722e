import type { FinishedExchange } from "../core/observe/events.ts";
import { type SeenResponse, seeResponses } from "./reference-parser.ts";
import { bytesOfText } from "./wire.ts";

/** How a request went; a copy of what the proxy's log is told. */
export interface RequestRecord {
  /** What `trace` asks for. */
  readonly requestId: string;
  /** Id of the route; `""` when none was found. */
  readonly route: string;
  /** Name of the upstream; `""` when none was to be asked. */
  readonly upstream: string;
  /** The server of the last try, by its name in the configuration; `""` when none was asked. */
  readonly server: string;
  /** Tries made. */
  readonly attempts: number;
  /** Code of what went wrong (`upstream.connect-refused`); `""` when all went well. */
  readonly fault: string;
  /** Virtual milliseconds. */
  readonly durationMs: number;
}

/** What the client got, and how that came about. */
export interface TestResponse extends RequestRecord {
  /** 0 when nothing was answered. */
  readonly status: number;
  readonly headers: Headers;
  /** Name and value in the order and spelling of the wire. */
  readonly fields: readonly (readonly [string, string])[];
  /** As UTF-8. */
  readonly body: string;
  readonly bytes: Uint8Array;
  /** The connection ended before the response did. */
  readonly isCut: boolean;
  /** Statuses of interim responses (103). */
  readonly interim: readonly number[];
  /** The body read as JSON; throws when it is none. */
  json(): unknown;
}

/** What a client has received so far, read as responses to one request. */
export interface Arrived {
  readonly final: SeenResponse;
  readonly interim: readonly number[];
  readonly isCut: boolean;
}

/** Null: more is to come. Throws when it is no HTTP: then Millrace has a defect. */
export function readArrived(text: string, method: string, ended: "end" | "reset" | null): Arrived | null {
  const { messages, error } = seeResponses(text, [method], ended === "end");
  if (error !== null) throw new Error(`what the client received is no HTTP: ${error}`);
  const interim = messages.filter(({ status }) => status < 200 && status !== 101).map(({ status }) => status);
  const final = messages.find(({ status }) => status >= 200 || status === 101);
  if (final !== undefined) return { final, interim, isCut: false };
  if (ended === null) return null;
  // Only the head counts; what is there of the body may be cut anywhere.
  const head = seeResponses(text, ["HEAD"], true);
  const cut = head.messages.find(({ status }) => status >= 200);
  return { final: cut === undefined ? NOTHING : { ...cut, body: head.rest }, interim, isCut: true };
}

const NOTHING: SeenResponse = {
  status: 0,
  reason: "",
  version: "1.1",
  fields: [],
  framing: "none",
  body: "",
  chunkSizes: [],
  trailers: [],
  raw: "",
};

/** Puts together what arrived and what the proxy says of it. */
export function testResponse({ final, interim, isCut }: Arrived, record: RequestRecord): TestResponse {
  const bytes = bytesOfText(final.body);
  const body = new TextDecoder().decode(bytes);
  return {
    ...record,
    status: final.status,
    headers: new Headers(final.fields.map(([name, value]): [string, string] => [name, value])),
    fields: final.fields,
    body,
    bytes,
    isCut,
    interim,
    json: () => JSON.parse(body),
  };
}

export function recordOf(exchange: FinishedExchange): RequestRecord {
  const { requestId, routeId, upstream, server, attempts, fault, durationMs } = exchange;
  return { requestId, route: routeId, upstream, server, attempts, fault: fault?.code ?? "", durationMs };
}

/** Of a tunnel, whose exchange goes on, and of bytes that were no request. */
export function emptyRecord(requestId: string, fault: string): RequestRecord {
  return { requestId, route: "", upstream: "", server: "", attempts: 0, fault, durationMs: 0 };
}
