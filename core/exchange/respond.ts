/** Answers the proxy writes itself: faults, redirects, fixed responses. */

import { bytesOf } from "../bytes/text.ts";
import { BAD_WEBSOCKET, clientRefusal, type Fault } from "../fault.ts";
import type { Fields } from "../http/fields.ts";
import { BODY_LENGTH, METHOD_HEAD } from "../http/message.ts";
import { OutgoingHead } from "../http/outgoing.ts";
import { hasNoBody, reasonOf } from "../http/status.ts";
import type { ClientWriter } from "../http/wire.ts";
import type { RouteMatch } from "../route/compile-route.ts";
import type { CompiledFieldEdits } from "../route/field-edits.ts";
import type { VariableContext } from "../route/variables.ts";

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Name and value, in order. */
  readonly fields: readonly (readonly [string, string])[];
}

const NOTHING = new Uint8Array(0);
const NO_HANDSHAKE = clientRefusal(-BAD_WEBSOCKET);
const ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

/** Short, for people and for programs that say so; the code tells an operator where to look, the id which line. */
export function answerFault(fault: Fault, requestId: string, fields: Fields): Answer {
  const title = `${fault.status} ${reasonOf(fault.status)}`;
  const wantsJson = (fields.value("accept") ?? "").includes("application/json");
  const body = wantsJson
    ? `${JSON.stringify({ status: fault.status, error: fault.code, requestId })}\n`
    : `${title}\n${fault.code}\nrequest ${requestId}\n`;
  const extra: [string, string][] = [];
  if (fault.status === 405) extra.push(["Allow", ALLOWED]);
  // RFC 6455 section 4.4: a client of another version hears which one is spoken, with 400 as in its example.
  if (fault === NO_HANDSHAKE) extra.push(["Sec-WebSocket-Version", "13"]);
  if (fault.status === 503) extra.push(["Retry-After", "1"]);
  return {
    status: fault.status,
    contentType: wantsJson ? "application/json" : "text/plain; charset=utf-8",
    body: bytesOf(body),
    fields: extra,
  };
}

export function answerRedirect(status: number, location: string): Answer {
  return { status, contentType: "", body: NOTHING, fields: [["Location", location]] };
}

/** A request as far as its route answers it. */
export interface Answered extends VariableContext {
  readonly match: RouteMatch | null;
  readonly plan: { readonly answer: Answer | null } | null;
}

/** What a route says itself, a redirect or a fixed response. */
export function answerOf(request: Answered): Answer {
  const { action, location, responseEdits } = request.match!.route;
  const own =
    action.kind === "redirect"
      ? answerRedirect(action.status, location!.expand(request, request.match!))
      : request.plan!.answer!;
  return responseEdits.isEmpty ? own : edited(own, responseEdits, request);
}

/** As what servers answer: whoever sets Strict-Transport-Security means redirects, too. */
function edited(answer: Answer, { remove, set, add }: CompiledFieldEdits, request: Answered): Answer {
  const gone = new Set([...remove, ...set.map(({ lowerName }) => lowerName)]);
  const kept = answer.fields.filter(([name]) => !gone.has(name.toLowerCase()));
  const given = [...set, ...add].map(({ name, value }) => [name, value.expand(request, request.match!)] as const);
  return {
    ...answer,
    contentType: gone.has("content-type") ? "" : answer.contentType,
    fields: [...kept, ...given.filter(([, value]) => value !== "")],
  };
}

/** `""` as text says what the status means. */
export function answerText(status: number, text: string): Answer {
  const body = new TextEncoder().encode(text === "" ? `${status} ${reasonOf(status)}\n` : text);
  return { status, contentType: "text/plain; charset=utf-8", body, fields: [] };
}

export const NO_UPGRADE = answerText(
  501,
  "This path is served by a program that speaks HTTP only: it cannot switch to another protocol.\n",
);

/** Bytes of the body that are sent in answer to `method`. */
export function sentBytesOf(answer: Answer, method: number): number {
  return method === METHOD_HEAD || hasNoBody(answer.status) ? 0 : answer.body.length;
}

/** Writes the whole answer. `method` is the request's, 0 when there is none to speak of. */
export function writeAnswer(connection: ClientWriter, answer: Answer, method: number, date: string): void {
  const outgoing = new OutgoingHead();
  outgoing.status = answer.status;
  if (!answer.fields.some(([name]) => name.toLowerCase() === "date")) outgoing.add("Date", date);
  if (answer.contentType !== "") outgoing.add("Content-Type", answer.contentType);
  for (const [name, value] of answer.fields) outgoing.add(name, value);
  outgoing.body = BODY_LENGTH;
  outgoing.contentLength = hasNoBody(answer.status) ? -1 : answer.body.length;
  connection.head(outgoing);
  // A copy: what is written belongs to the adapter, and fixed bodies are sent more than once.
  if (sentBytesOf(answer, method) > 0) connection.body(answer.body.slice(), 0, answer.body.length);
  connection.end(null);
}
