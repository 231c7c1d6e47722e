/**
 * What a request must obey beyond its syntax, in the order a reader would check: target and host, framing,
 * connection options, fields that may stand once, Expect, WebSocket. Sets what the exchange wants to know.
 */

import { BASE64, equalsIgnoreCase, equalsText } from "../bytes/ascii.ts";
import * as refuse from "../fault.ts";
import {
  acceptsTrailers,
  OPTION_CLOSE,
  OPTION_KEEP_ALIVE,
  OPTION_UPGRADE,
  readConnection,
  upgradeTokens,
} from "./connection.ts";
import { frameRequest } from "./framing.ts";
import * as known from "./known-fields.ts";
import { BODY_NONE, METHOD_GET, type RequestHead } from "./message.ts";
import { resolveTarget } from "./target.ts";

/** Answers 0 or a negative refusal. */
export function checkRequest(head: RequestHead, scheme: "http" | "https"): number {
  const { fields } = head;
  const target = resolveTarget(head, scheme);
  if (target < 0) return target;
  const framing = frameRequest(head);
  if (framing < 0) return framing;
  const options = readConnection(fields);
  if (options < 0) return options;
  if (fields.countOf(known.AUTHORIZATION) > 1 || fields.countOf(known.CONTENT_TYPE) > 1)
    return -refuse.DUPLICATE_SINGLETON;
  head.keepsAlive = head.minorVersion === 1 ? (options & OPTION_CLOSE) === 0 : isHttp10KeepAlive(options);
  head.acceptsTrailers = head.minorVersion === 1 && fields.countOf(known.TE) > 0 && acceptsTrailers(fields);
  const wantsUpgrade = (options & OPTION_UPGRADE) !== 0 && fields.countOf(known.UPGRADE) > 0 && head.minorVersion === 1;
  head.upgrade = wantsUpgrade ? upgradeTokens(fields) : "";
  if (head.upgrade !== "") {
    const refused = checkUpgrade(head);
    if (refused < 0) return refused;
  }
  return fields.countOf(known.EXPECT) > 0 ? checkExpect(head) : 0;
}

function isHttp10KeepAlive(options: number): boolean {
  return (options & (OPTION_KEEP_ALIVE | OPTION_CLOSE)) === OPTION_KEEP_ALIVE;
}

function checkExpect(head: RequestHead): number {
  const { fields } = head;
  const index = fields.find(known.EXPECT);
  const isContinue = equalsIgnoreCase(fields.bytes, fields.valueStart(index), fields.valueEnd(index), "100-continue");
  if (!isContinue || fields.countOf(known.EXPECT) > 1) return -refuse.BAD_EXPECT;
  // Without a body there is nothing to continue with, and HTTP/1.0 knows no 100 (RFC 9110 section 10.1.1).
  if (head.body === BODY_NONE || head.minorVersion === 0) fields.drop(index);
  return 0;
}

/** A body behind an upgrade would be read as the new protocol's bytes by one side and as a body by the other. */
function checkUpgrade(head: RequestHead): number {
  const { fields } = head;
  const isWebSocket = head.upgrade.split(", ").some((token) => /^websocket$/i.test(token));
  if (!isWebSocket) {
    if (head.body !== BODY_NONE) head.upgrade = "";
    return 0;
  }
  const isComplete =
    head.method === METHOD_GET &&
    head.body === BODY_NONE &&
    fields.countOf(known.CONTENT_LENGTH) === 0 &&
    fields.countOf(known.SEC_WEBSOCKET_KEY) === 1 &&
    fields.countOf(known.SEC_WEBSOCKET_VERSION) === 1 &&
    isKey(head, fields.find(known.SEC_WEBSOCKET_KEY)) &&
    isVersion13(head, fields.find(known.SEC_WEBSOCKET_VERSION));
  return isComplete ? 0 : -refuse.BAD_WEBSOCKET;
}

/** 16 bytes in base64: 22 characters and `==` (RFC 6455 section 4.1). */
function isKey(head: RequestHead, index: number): boolean {
  const { fields } = head;
  const start = fields.valueStart(index);
  const end = fields.valueEnd(index);
  if (end - start !== 24 || !equalsText(fields.bytes, end - 2, end, "==")) return false;
  for (let at = start; at < end - 2; at++) if (BASE64[fields.bytes[at]!] === 0) return false;
  return true;
}

function isVersion13(head: RequestHead, index: number): boolean {
  return equalsText(head.fields.bytes, head.fields.valueStart(index), head.fields.valueEnd(index), "13");
}
