/**
 * What a server's agent says of it, in HAProxy's words (`agent-check`): one line, words apart by spaces, tabs or
 * commas, in whatever case.
 *
 *     75%  weight:20             share of its weight, or the weight
 *     maxconn:30                 connections at once
 *     ready  drain  maint        as an operator would say
 *     up  down  fail  stopped    how it is; `#` and the rest of the line say why
 */

import { SERVER_WEIGHT_MAX } from "../limits.ts";
import type { AdminState } from "./definition.ts";

/** Null for what was not said: it stays as it was. */
export interface AgentReply {
  /** 0 to 9.99 times the configured weight. */
  readonly weightShare: number | null;
  readonly weight: number | null;
  readonly connectionsMax: number | null;
  readonly admin: AdminState | null;
  readonly isUp: boolean | null;
  readonly why: string;
}

/** Null for a line with anything else in it: half understood is not understood. */
export function parseAgentReply(line: string): AgentReply | null {
  const hash = line.indexOf("#");
  const words = (hash === -1 ? line : line.slice(0, hash))
    .toLowerCase()
    .split(/[ \t,]+/)
    .filter((word) => word !== "");
  const reply: { -readonly [K in keyof AgentReply]: AgentReply[K] } = {
    weightShare: null,
    weight: null,
    connectionsMax: null,
    admin: null,
    isUp: null,
    why: hash === -1 ? "" : line.slice(hash + 1).trim(),
  };
  for (const word of words) {
    const [, share, key, number] = /^(?:([0-9]{1,3})%|(weight|maxconn):([0-9]{1,6}))$/.exec(word) ?? [];
    if (share !== undefined) reply.weightShare = Number(share) / 100;
    else if (key === "weight" && Number(number) <= SERVER_WEIGHT_MAX) reply.weight = Number(number);
    else if (key === "maxconn" && Number(number) >= 1) reply.connectionsMax = Number(number);
    else if (ADMIN_WORDS.has(word)) reply.admin = ADMIN_WORDS.get(word)!;
    else if (OPERATION_WORDS.has(word)) reply.isUp = OPERATION_WORDS.get(word)!;
    else return null;
  }
  return words.length === 0 ? null : reply;
}

const ADMIN_WORDS: ReadonlyMap<string, AdminState> = new Map([
  ["ready", "ready"],
  ["drain", "drain"],
  ["maint", "maintenance"],
]);

const OPERATION_WORDS: ReadonlyMap<string, boolean> = new Map([
  ["up", true],
  ["down", false],
  ["fail", false],
  ["stopped", false],
]);
