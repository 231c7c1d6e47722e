/**
 * One request of a check, by the same machine that serves traffic: what would be refused from a server there fails
 * here, too. The connection is used for nothing else.
 */

import { bytesOf } from "../bytes/text.ts";
import type { Fault } from "../fault.ts";
import { ClientConnection } from "../h1/client.ts";
import type { CycleRules } from "../h1/client-owner.ts";
import type { HeadBounds } from "../h1/parse-head.ts";
import { BODY_NONE, methodOf, RequestHead, type ResponseHead } from "../http/message.ts";
import { OutgoingHead } from "../http/outgoing.ts";
import type { ResponseHandler } from "../http/wire.ts";
import { CHECK_BODY_BYTES_MAX, DEFAULT_LIMITS, DEFAULT_TIMEOUTS } from "../limits.ts";
import { compilePattern, type Pattern } from "../route/pattern.ts";
import type { CheckSurroundings, Conversation, Finish } from "./check-run.ts";
import type { BodyExpectation, HttpCheckDefinition } from "./definition.ts";

/** What traffic takes of a response's head, a check takes, too: as it is now, for it is no part of what a check is. */
export interface CurrentBounds {
  readonly responseBounds: HeadBounds;
}

/** `authority` stands in Host unless the definition says something else. */
export function httpConversation(
  definition: HttpCheckDefinition,
  authority: string,
  { timers, slab }: CheckSurroundings,
  current: CurrentBounds,
): Conversation {
  const expectsBody = definition.body === null ? null : bodyTest(definition.body);
  return (socket, finish) => {
    const owner = { timers, slab, poolIdleMs: Number.POSITIVE_INFINITY, onConnectionClosed() {} };
    const connection = new ClientConnection(socket, owner);
    const answer = new CheckAnswer(definition, expectsBody, finish);
    const method = bytesOf(definition.method);
    connection.begin(answer, rulesOf(current), methodOf(method, 0, method.length), false);
    connection.head(headOf(definition, authority), NO_HEAD);
    connection.end(null);
    return () => connection.close();
  };
}

class CheckAnswer implements ResponseHandler {
  readonly #definition: HttpCheckDefinition;
  readonly #expectsBody: BodyTest | null;
  readonly #finish: Finish;
  readonly #body: number[] = [];
  #status = 0;

  constructor(definition: HttpCheckDefinition, expectsBody: BodyTest | null, finish: Finish) {
    this.#definition = definition;
    this.#expectsBody = expectsBody;
    this.#finish = finish;
  }

  onInterim(): void {}

  onHead({ status }: ResponseHead): void {
    this.#status = status;
    const { statuses } = this.#definition;
    if (!statuses.some(([first, last]) => status >= first && status <= last)) {
      this.#finish("failed", `status ${status} is not one of ${statuses.map(rangeText).join(", ")}`);
    } else if (this.#expectsBody === null) {
      this.#finish("passed", `status ${status}`);
    }
  }

  onBodyPiece(bytes: Uint8Array, start: number, end: number): void {
    if (this.#expectsBody === null) return;
    for (let at = start; at < end && this.#body.length < CHECK_BODY_BYTES_MAX; at++) this.#body.push(bytes[at]!);
    if (this.#body.length === CHECK_BODY_BYTES_MAX) this.#judgeBody();
  }

  onEnd(): void {
    if (this.#expectsBody !== null) this.#judgeBody();
  }

  onFlush(): void {}
  onWritable(): void {}

  onFault(fault: Fault): void {
    this.#finish("failed", fault.reason);
  }

  #judgeBody(): void {
    const failed = this.#expectsBody!(new TextDecoder().decode(new Uint8Array(this.#body)));
    if (failed === null) this.#finish("passed", `status ${this.#status} and the body expected`);
    else this.#finish("failed", failed);
  }
}

/** What is wrong with a body, or null. */
type BodyTest = (body: string) => string | null;

function bodyTest(expectation: BodyExpectation): BodyTest {
  if (expectation.kind === "contains") {
    const { text } = expectation;
    return (body) => (body.includes(text) ? null : `the body does not contain ${JSON.stringify(text)}`);
  }
  const pattern = patternOf(expectation.source);
  return (body) =>
    pattern.test(body) === true ? null : `the body does not match ${JSON.stringify(expectation.source)}`;
}

/** The configuration let it through, so it compiles. */
function patternOf(source: string): Pattern {
  const compiled = compilePattern(source);
  if ("problem" in compiled) throw new Error(`unreachable: a checked regular expression ${compiled.problem}`);
  return compiled.pattern;
}

function headOf({ method, target, host, fields }: HttpCheckDefinition, authority: string): OutgoingHead {
  const outgoing = new OutgoingHead();
  outgoing.method = method;
  outgoing.target = target;
  outgoing.add("Host", host ?? authority);
  if (!fields.some(([name]) => name.toLowerCase() === "user-agent")) outgoing.add("User-Agent", "millrace-check");
  for (const [name, value] of fields) outgoing.add(name, value);
  outgoing.add("Connection", "close");
  outgoing.body = BODY_NONE;
  // RFC 9110 section 8.6: methods that usually have a body say that they have none.
  if (METHODS_WITH_BODY.includes(method)) outgoing.contentLength = 0;
  return outgoing;
}

const METHODS_WITH_BODY = ["POST", "PUT", "PATCH"];

function rangeText([first, last]: readonly [number, number]): string {
  return first === last ? String(first) : `${first}-${last}`;
}

/** Method and target are ours: nothing is taken from a request. */
const NO_HEAD = new RequestHead();

/** The check's own deadline covers everything. */
function rulesOf({ responseBounds }: CurrentBounds): CycleRules {
  return {
    limits: DEFAULT_LIMITS,
    timeouts: {
      ...DEFAULT_TIMEOUTS,
      firstByteMs: Number.POSITIVE_INFINITY,
      responseIdleMs: Number.POSITIVE_INFINITY,
      sendIdleMs: Number.POSITIVE_INFINITY,
    },
    responseBounds,
  };
}
