/** Second tries of an upstream and the caps on what it may be asked: how they are written, and what that means. */

import * as v from "valibot";
import {
  RETRY_ATTEMPTS,
  RETRY_BACKOFF_BASE_MS,
  RETRY_BACKOFF_MAX_MS,
  RETRY_BUDGET_PER_SECOND,
  RETRY_BUDGET_SHARE,
} from "../limits.ts";
import { formatDuration } from "../time/duration.ts";
import { DEFAULT_RETRIES, RETRY_REASONS, type RetryPolicy, type RetryReason } from "../upstream/retry-policy.ts";
import { describe } from "./problem.ts";
import { count, described, duration, flag, oneOrMore, optional, percent, section } from "./shapes.ts";

const WHY = `${RETRY_REASONS.join(", ")} or a status from 400 to 599`;

/** A word of RETRY_REASONS, or a status. */
const reason = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, RetryReason | number>(({ dataset, addIssue, NEVER }) => {
    const { value } = dataset;
    const word = RETRY_REASONS.find((each) => each === value);
    if (word !== undefined) return word;
    const status = typeof value === "string" && /^[0-9]{3}$/.test(value) ? Number(value) : value;
    if (typeof status === "number" && Number.isInteger(status) && status >= 400 && status <= 599) return status;
    addIssue({ message: `expected ${WHY}, got ${describe(value)}` });
    return NEVER;
  }),
  v.metadata({ unit: "reason" }),
);

const Backoff = section({
  base: optional(
    duration(),
    "Bound of the first pause, which is random; it doubles with each try.",
    formatDuration(RETRY_BACKOFF_BASE_MS),
  ),
  max: optional(duration(), "The bound never grows beyond.", formatDuration(RETRY_BACKOFF_MAX_MS)),
});

const Budget = section({
  share: optional(percent(), "Further tries allowed per request, on average.", `${RETRY_BUDGET_SHARE * 100}%`),
  perSecond: optional(count(), "Further tries per second allowed beside them.", RETRY_BUDGET_PER_SECOND),
});

export const Retries = section(
  {
    attempts: optional(
      count({ max: 10 }),
      "Further tries of a request, each on another server if there is one; 0 for none.",
      RETRY_ATTEMPTS,
    ),
    on: optional(
      oneOrMore(reason, WHY),
      `After what: ${WHY}. \`connect, broken, 502, 503, 504\` when left out, and \`timeout\` if \`perTryTimeout\` is given.`,
    ),
    perTryTimeout: optional(
      duration(),
      "For each try, until the head of its response; without it `timeouts.firstByte` alone counts.",
    ),
    backoff: optional(Backoff, "The pause before a further try; none after a connection was refused.", {}),
    budget: optional(Budget, "What further tries may cost in all; beyond, the first failure is the answer.", {}),
    unsafeRetryNonIdempotent: optional(
      flag(),
      "Tries POST and PATCH again after they were sent, too: the server may execute them twice. An `Idempotency-Key` does not need it.",
      false,
    ),
  },
  {},
  { instead: "for none write { attempts: 0 }" },
);

export const Hedge = section({
  after: described(
    duration(),
    "Without a response for so long, an idempotent request is sent to a second server, too; the first answer counts.",
  ),
});

const cap = (what: string) => optional(count({ min: 1, unlimited: true }), what, "unlimited");

export const Breaker = section({
  inFlight: cap("Requests under way at once, waiting ones included; 503 with `Retry-After` beyond."),
  connections: cap("Connections to all servers together; idle ones make room, 503 beyond."),
  pending: cap("Requests waiting for a connection; 503 beyond. `pool.queue` bounds them, too."),
  retries: cap("Further tries under way at once; beyond, the first failure is the answer."),
});

type ParsedRetries = v.InferOutput<typeof Retries>;

export function defineRetries(parsed: ParsedRetries): RetryPolicy {
  const { on, perTryTimeout, backoff, budget } = parsed;
  const reasons = on?.filter((each) => typeof each === "string");
  const whenLeftOut = [...DEFAULT_RETRIES.reasons, ...(perTryTimeout === undefined ? [] : (["timeout"] as const))];
  return {
    attemptsMax: parsed.attempts,
    reasons: reasons ?? whenLeftOut,
    statuses: on?.filter((each) => typeof each === "number") ?? DEFAULT_RETRIES.statuses,
    perTryMs: perTryTimeout ?? Number.POSITIVE_INFINITY,
    backoffBaseMs: backoff.base,
    backoffMaxMs: backoff.max,
    budgetShare: budget.share,
    budgetPerSecond: budget.perSecond,
    repeatsUnsafe: parsed.unsafeRetryNonIdempotent,
  };
}
