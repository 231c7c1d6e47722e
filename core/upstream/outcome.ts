/** What one try of a request says about the server it went to. Each try reports exactly one. */
export type Outcome =
  /** A response that the server can be content with: below 500, or 501 and 505, which are about the request. */
  | "success"
  /** A response with 500 and up, other than the next. */
  | "server-error"
  /** 502, 503 or 504: something behind the server, or the server itself, is overloaded or gone. */
  | "gateway-error"
  /** Nothing listens there: the connection was refused, or its socket file is missing. */
  | "refused"
  /** No connection within `timeouts.connect`, or no route to the host. */
  | "connect-failed"
  /** No response within `timeouts.firstByte`, or a response that stood still. */
  | "timeout"
  /** The connection broke before or in the middle of the response. */
  | "broken"
  /** What came was no acceptable HTTP. */
  | "bad-response"
  /** The try was given up for a reason that says nothing: the client left, another try was faster, we are draining. */
  | "abandoned";
