/** One request of a random schedule: what is sent, and what its server means to do with it. */

import type { Seeded } from "../../../testing/seeded.ts";
import { patternOf } from "../stage.ts";

export type Behaviour = (typeof BEHAVIOURS)[number];

const BEHAVIOURS = [
  "length",
  "length",
  "length",
  "chunked",
  "until-close",
  "interim",
  "slow",
  "early",
  "close",
  "close-unsaid",
  "fin-before",
  "rst-before",
  "fin-within",
  "rst-within",
  "garbage",
  "hang",
  "extra",
  "refuse-body",
  "status-503",
  "status-500",
] as const;

export interface RequestPlan {
  readonly nonce: string;
  readonly method: string;
  readonly body: string;
  readonly isHttp10: boolean;
  readonly bytes: string;
  readonly behaviour: Behaviour;
  readonly response: string;
  /** May reach servers more than once. */
  readonly isRepeatable: boolean;
  /** Complete arrivals at servers. */
  tries: number;
}

/** What health checks ask for. */
export const CHECK_PATH = "/healthz";

/** Nonces can be told from everything else that crosses the wire. */
export const NONCE = /n\d+x\d+n/g;

export function planRequest(random: Seeded, nonce: string): RequestPlan {
  const method = random.pick(["GET", "GET", "HEAD", "POST", "PUT", "DELETE"]);
  const length = method === "POST" || method === "PUT" ? random.pick(BODY_BYTES) : 0;
  const body = patternOf(length);
  const isHttp10 = random.between(0, 9) === 0;
  const hasKey = method === "POST" && random.between(0, 3) === 0;
  const lines = [`${method} /${nonce} HTTP/1.${isHttp10 ? 0 : 1}`, "Host: a"];
  if (isHttp10 && random.between(0, 1) === 0) lines.push("Connection: keep-alive");
  if (!isHttp10 && random.between(0, 9) === 0) lines.push("Connection: close");
  if (hasKey) lines.push(`Idempotency-Key: "${length}-key"`);
  let sent = body;
  if (length > 0 && !isHttp10 && random.between(0, 1) === 0) {
    lines.push("Transfer-Encoding: chunked");
    sent = chunksOf(body, random.pick([50, 1_000, 60_000]));
  } else if (length > 0 || method === "POST") lines.push(`Content-Length: ${length}`);
  const filling = patternOf(random.pick(RESPONSE_BYTES));
  return {
    nonce,
    method,
    body,
    isHttp10,
    bytes: `${lines.join("\r\n")}\r\n\r\n${sent}`,
    behaviour: random.pick(BEHAVIOURS),
    response: `${nonce}:${filling}:${nonce}`,
    isRepeatable: method !== "POST" || hasKey,
    tries: 0,
  };
}

/** Around what is kept for a second try and what is accepted at all; large ones cost the most and are rare. */
const BODY_BYTES = [0, 1, 100, 999, 1_000, 1_001, 3_000, 3_000, 20_000, 20_001];
const RESPONSE_BYTES = [0, 0, 10, 10, 500, 2_000, 2_000, 9_000, 60_000];

export function chunksOf(body: string, size: number): string {
  let text = "";
  for (let at = 0; at < body.length; at += size) {
    const piece = body.slice(at, at + size);
    text += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${text}0\r\n\r\n`;
}
