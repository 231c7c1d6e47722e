/** What a response head must obey beyond its syntax, and what it says about its connection. */

import { OPTION_CLOSE, OPTION_KEEP_ALIVE, readConnection } from "./connection.ts";
import { frameResponse } from "./framing.ts";
import { BODY_UNTIL_CLOSE, type ResponseHead } from "./message.ts";

/** For the response to a request of `requestMethod`. Answers 0 or a negative refusal. */
export function checkResponse(head: ResponseHead, requestMethod: number): number {
  const framed = frameResponse(head, requestMethod);
  if (framed < 0) return framed;
  const options = readConnection(head.fields);
  if (options < 0) return options;
  const isHttp10KeepAlive = (options & OPTION_KEEP_ALIVE) !== 0;
  const wantsOn = (options & OPTION_CLOSE) === 0 && (head.minorVersion === 1 || isHttp10KeepAlive);
  head.keepsAlive = wantsOn && head.body !== BODY_UNTIL_CLOSE;
  return 0;
}
