/** Which traces are kept: how that is written. */

import { TRACE_KEEP, TRACE_KEEP_MAX, TRACE_SAMPLE_SHARE } from "../limits.ts";
import { count, optional, percent, section } from "./shapes.ts";

export const TraceRulesSchema = section({
  sample: optional(
    percent(),
    "Of the requests that do not fail, the share whose traces are kept, too.",
    `${TRACE_SAMPLE_SHARE * 100}%`,
  ),
  keep: optional(
    count({ max: TRACE_KEEP_MAX }),
    "How many traces are kept, 16 MiB at most; 0 turns them off.",
    TRACE_KEEP,
  ),
});
