import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";

/** What one try of a request says about the server it went to. Each try reports exactly one. */
export type Outcome =
  /** A response that the server can be content with: below 500, or 501 and 505, which are about the request. */
  | "success"
  /** A response with 500 and up, other than the next. */
  | "server-error"
  /** 502, 503 or 504: something behind the server, or the server itself, is overloaded or gone. */
  | "gateway-error"
  /** Nothing listens there: the connection was refused, its socket file is missing, or no way leads to it. */
  | "refused"
  /** No connection within `timeouts.connect`, or none for another reason. */
  | "connect-failed"
  /** No response within `timeouts.firstByte`, or a response that stood still. */
  | "timeout"
  /** The connection broke before or in the middle of the response. */
  | "broken"
  /** What came was no acceptable HTTP. */
  | "bad-response"
  /** The try was given up for a reason that says nothing: the client left, another try was faster, we are draining. */
  | "abandoned";

/** What a final status says about who sent it. */
export function outcomeOfStatus(status: number): Outcome {
  if (status < 500 || status === 501 || status === 505) return "success";
  return status >= 502 && status <= 504 ? "gateway-error" : "server-error";
}

/** What the way a try failed says about its server. */
export function outcomeOfFault(reason: Fault): Outcome {
  switch (reason) {
    case fault.CONNECT_REFUSED:
    case fault.NO_SOCKET:
    case fault.UNREACHABLE:
      return "refused";
    case fault.CONNECT_DENIED:
    case fault.CONNECT_FAILED:
    case fault.CONNECT_TIMEOUT:
      return "connect-failed";
    case fault.FIRST_BYTE_TIMEOUT:
    case fault.TRY_TIMEOUT:
    case fault.TOTAL_TIMEOUT:
    case fault.RESPONSE_TIMEOUT:
    case fault.UPSTREAM_SEND_TIMEOUT:
      return "timeout";
    case fault.UPSTREAM_CLOSED:
    case fault.UPSTREAM_RESET:
    case fault.RESPONSE_TRUNCATED:
      return "broken";
    // Our own bounds: the server was not asked.
    case fault.QUEUE_FULL:
    case fault.QUEUE_TIMEOUT:
    case fault.BREAKER_OPEN:
    case fault.NO_SERVER:
      return "abandoned";
    default:
      return reason.side === "upstream" ? "bad-response" : "abandoned";
  }
}
