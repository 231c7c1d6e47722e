import type { Fault } from "../fault.ts";
import type { ResponseHead } from "../http/message.ts";
import type { PickRequest } from "../upstream/pick-request.ts";
import type { Attempt, AttemptOwner } from "./attempt.ts";
import type { ExchangeTrace } from "./exchange-trace.ts";
import type { Hooked } from "./hooked.ts";

/** The exchange, as far as the choice of its tries needs it. */
export interface TriesOwner extends AttemptOwner, PickRequest {
  /** Anything of a response went to the client. */
  readonly hasForwarded: boolean;
  /** Doing the request twice is as good as once: by its method, or by a key that servers know it by. */
  readonly isIdempotent: boolean;
  /** The same, or the configuration has said that it may be done twice. */
  readonly isRepeatable: boolean;
  /** All of the request that has come can be sent again. */
  readonly isReplayable: boolean;
  /** When the last of its body had come, by the timers: now while it still comes, 0 for none. */
  readonly uploadedMs: number;
  /** The turn in which the request came is over. */
  readonly hasBegun: boolean;
  /** Something went wrong: from here on a trace is written, unless they are turned off. */
  openTrace(): ExchangeTrace | null;
  readonly hooked: Hooked;
  /** This is the response. */
  onResponseHead(attempt: Attempt, head: ResponseHead): void;
  onFailed(reason: Fault): void;
}
