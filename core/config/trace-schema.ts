/** Which traces are kept: how that is written. */

import * as v from "valibot";
import { TRACE_KEEP, TRACE_KEEP_MAX, TRACE_SAMPLE_SHARE } from "../limits.ts";
import { count, described, percent, section } from "./shapes.ts";

export const TraceRulesSchema = section({
  sample: v.optional(
    described(percent(), "Of the requests that do not fail, the share whose traces are kept, too."),
    `${TRACE_SAMPLE_SHARE * 100}%`,
  ),
  keep: v.optional(
    described(count({ max: TRACE_KEEP_MAX }), "How many traces are kept, 16 MiB at most; 0 turns them off."),
    TRACE_KEEP,
  ),
});
