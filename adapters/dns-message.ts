/**
 * DNS messages: the question we send, and what a reply says to it. What comes back was written by strangers: whatever
 * throws inside the parser, whatever does not belong to the question, is no answer.
 */

import { Buffer } from "node:buffer";
import { randomInt } from "node:crypto";
import { type Answer, decode, encode, type Packet, RECURSION_DESIRED, TRUNCATED_RESPONSE } from "dns-packet";
import type { RecordType, ResolveAnswer, ResolvedRecord } from "../core/runtime.ts";

export interface Question {
  readonly id: number;
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: RecordType;
  readonly bytes: Uint8Array;
}

export type Reply =
  /** Not to this question: whoever sent it, we wait on. */
  | { readonly kind: "foreign" }
  /** Too long for a datagram: ask again over TCP. */
  | { readonly kind: "truncated" }
  | { readonly kind: "not-found" }
  /** The server can't or won't: another may. */
  | { readonly kind: "failure"; readonly code: string }
  | { readonly kind: "malformed"; readonly why: string }
  | { readonly kind: "answer"; readonly answer: ResolveAnswer };

/** An alias of an alias of …: real chains have three or four links. */
const ALIASES_MAX = 16;
const NAME_LENGTH_MAX = 253;
const NAME = /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/;
const FOREIGN: Reply = { kind: "foreign" };
const NOT_FOUND: Reply = { kind: "not-found" };

/** Null for what is no name: too long, an empty label, a NUL, a space. */
export function plainName(name: string): string | null {
  const plain = (name.endsWith(".") ? name.slice(0, -1) : name).toLowerCase();
  return plain.length <= NAME_LENGTH_MAX && NAME.test(plain) ? plain : null;
}

/** `name` is plain. Without EDNS: what does not fit into 512 bytes comes by TCP, which everybody understands. */
export function createQuestion(name: string, type: RecordType): Question {
  const id = randomInt(65_536);
  const bytes = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ type, name, class: "IN" }] });
  return { id, name, type, bytes };
}

export function readReply(bytes: Uint8Array, question: Question): Reply {
  let packet: Packet & { readonly rcode?: string };
  try {
    packet = decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)) as typeof packet;
  } catch {
    if (!isPlausible(bytes, question)) return FOREIGN;
    // Some cut in the middle of a record, which they may (RFC 2181 section 9): then only the header can be read.
    return isCut(bytes) ? { kind: "truncated" } : { kind: "malformed", why: "no DNS message" };
  }
  const [asked, ...more] = packet.questions ?? [];
  const isOurs =
    packet.type === "response" &&
    packet.id === question.id &&
    more.length === 0 &&
    asked?.type === question.type &&
    (asked.class ?? "IN") === "IN" &&
    plainName(asked.name) === question.name;
  if (!isOurs) return FOREIGN;
  if (((packet.flags ?? 0) & TRUNCATED_RESPONSE) !== 0) return { kind: "truncated" };
  if (packet.rcode === "NXDOMAIN") return NOT_FOUND;
  if (packet.rcode !== "NOERROR") return { kind: "failure", code: packet.rcode ?? "no code" };
  return readAnswers(packet.answers ?? [], question);
}

/** Only the header can be looked at: is it a response with our number? */
function isPlausible(bytes: Uint8Array, { id }: Question): boolean {
  return bytes.length >= 3 && bytes[0] === id >> 8 && bytes[1] === (id & 255) && (bytes[2]! & 0x80) !== 0;
}

function isCut(bytes: Uint8Array): boolean {
  return (bytes[2]! & 0x02) !== 0;
}

function readAnswers(answers: readonly Answer[], { name, type }: Question): Reply {
  const aliases = new Map<string, { target: string; ttlSeconds: number }>();
  for (const answer of answers) {
    if (answer.type !== "CNAME") continue;
    const owner = plainName(answer.name);
    const target = plainName(answer.data);
    if (owner === null || target === null) return { kind: "malformed", why: "an alias is no host name" };
    aliases.set(owner, { target, ttlSeconds: ttlOf(answer.ttl) });
  }
  let owner = name;
  let ttlSeconds = Number.POSITIVE_INFINITY;
  for (let links = 0; ; links++) {
    const alias = aliases.get(owner);
    if (alias === undefined) break;
    if (links === ALIASES_MAX)
      return { kind: "malformed", why: `more than ${ALIASES_MAX} aliases, or a circle of them` };
    owner = alias.target;
    ttlSeconds = Math.min(ttlSeconds, alias.ttlSeconds);
  }
  const records = new Map<string, ResolvedRecord>();
  for (const answer of answers) {
    if (answer.type !== type || plainName(answer.name) !== owner) continue;
    const record = recordOf(answer);
    if (record === null) return { kind: "malformed", why: "a record holds no host name" };
    ttlSeconds = Math.min(ttlSeconds, ttlOf("ttl" in answer ? answer.ttl : 0));
    records.set(`${record.host} ${record.port}`, record);
  }
  // A target of "." says that the service is not offered here (RFC 2782).
  const offered = [...records.values()].filter(({ host }) => host !== "");
  return offered.length === 0 ? NOT_FOUND : { kind: "answer", answer: { records: offered, ttlSeconds } };
}

function recordOf(answer: Answer): ResolvedRecord | null {
  if (answer.type === "A" || answer.type === "AAAA") return { host: answer.data, port: 0, priority: 0, weight: 0 };
  if (answer.type !== "SRV") return null;
  const { target, port, priority = 0, weight = 0 } = answer.data;
  if (target === "." || target === "") return { host: "", port, priority, weight };
  const host = plainName(target);
  return host === null || port === 0 ? null : { host, port, priority, weight };
}

/** A TTL with the highest bit set counts as 0 (RFC 2181 section 8). */
function ttlOf(ttl: number | undefined): number {
  return ttl === undefined || ttl >= 2 ** 31 ? 0 : ttl;
}
