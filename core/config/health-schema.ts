/** How the servers of an upstream are watched. `health-definition.ts` makes the core's definition of it. */

import * as v from "valibot";
import {
  CHECK_FALL,
  CHECK_FAST_INTERVAL_MS,
  CHECK_INTERVAL_MS,
  CHECK_JITTER,
  CHECK_RISE,
  CHECK_TIMEOUT_MS,
  EJECTION_BASE_MS,
  EJECTION_FAILURES,
  EJECTION_MAX_MS,
  EJECTION_SHARE_MAX,
  OUTLIER_DEVIATIONS,
  OUTLIER_REQUESTS_MIN,
  OUTLIER_SERVERS_MIN,
  PANIC_SHARE,
} from "../limits.ts";
import { compilePattern } from "../route/pattern.ts";
import { formatDuration } from "../time/duration.ts";
import { HEALTH_HINTS } from "./foreign-names.ts";
import { describe } from "./problem.ts";
import { FIELD_NAME, fieldName, fieldValue, hostPattern, methodProblem } from "./route-text.ts";
import {
  choice,
  count,
  decimal,
  described,
  duration,
  either,
  flag,
  oneOrMore,
  optional,
  percent,
  section,
  table,
  text,
} from "./shapes.ts";

export const SERVER_STATES = ["ready", "drain", "maintenance"] as const;

/** What only a check by HTTP can mean. */
const ONLY_HTTP = ["method", "path", "host", "headers", "status", "body"] as const;

const Status = v.pipe(
  either([v.string(), v.number()], 'a status such as 204, or a range such as "200-399"'),
  v.rawTransform<string | number, { readonly first: number; readonly last: number }>(({ dataset, addIssue, NEVER }) => {
    const range = /^([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?$/.exec(String(dataset.value));
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (first >= 200 && last >= first) return { first, last };
    addIssue({ message: `${describe(dataset.value)}: write a status from 200 to 599, or a range such as "200-399"` });
    return NEVER;
  }),
  v.metadata({ unit: "status" }),
);

const Body = v.pipe(
  section({
    contains: optional(text("text", notEmpty), "Text that stands in it."),
    regex: optional(text("a regular expression", patternProblem), "A regular expression that matches anywhere in it."),
  }),
  v.check(
    ({ contains, regex }) => (contains === undefined) !== (regex === undefined),
    "expects one thing: give it contains or regex",
  ),
);

const Check = v.pipe(
  section(
    {
      kind: optional(choice(["http", "tcp"]), "`http` asks and judges the answer, `tcp` only connects.", "http"),
      method: optional(text("a method", checkMethod), "Method of the request; `GET` when left out."),
      path: optional(text('a path such as "/healthz"', checkPath), "Path and query; `/` when left out."),
      host: optional(text("a host name", hostValue), "The `Host` sent; the server's address when left out."),
      headers: optional(
        v.pipe(
          table(FIELD_NAME, 'write a header name such as "X-Check"', text("text", fieldValue)),
          v.rawCheck(headersCheck),
        ),
        "Further headers.",
      ),
      status: optional(
        oneOrMore(Status, 'a status such as 204, or a range such as "200-399"'),
        'Which are fine; `["200-399"]` when left out.',
      ),
      body: optional(Body, "What the first 8 KiB of the body must hold."),
      interval: optional(duration(), "From one check to the next.", formatDuration(CHECK_INTERVAL_MS)),
      fastInterval: optional(
        duration(),
        "The same while it is not sure whether the server is up or down.",
        formatDuration(CHECK_FAST_INTERVAL_MS),
      ),
      timeout: optional(duration(), "Of a whole check.", formatDuration(CHECK_TIMEOUT_MS)),
      rise: optional(count({ min: 1, max: 1_000 }), "Passed checks in a row that bring a server up.", CHECK_RISE),
      fall: optional(count({ min: 1, max: 1_000 }), "Failed checks in a row that take it down.", CHECK_FALL),
      jitter: optional(
        percent({ max: 50 }),
        "By how much an interval may be shorter or longer, by chance.",
        `${CHECK_JITTER * 100}%`,
      ),
      port: optional(port(), "The port to check; the one of traffic when left out."),
    },
    { uri: "it is called path here", url: "it is called path here", expect: "it is called status or body here" },
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed || dataset.value.kind === "http") return;
    for (const key of ONLY_HTTP) {
      if (dataset.value[key] === undefined) continue;
      addIssue({ message: `${key} only means something with kind: http; leave it out, or make it that` });
    }
  }),
);

const Agent = section({
  port: described(port(), "Where the agent listens, on the server's address."),
  interval: optional(duration(), "From one question to the next.", formatDuration(CHECK_INTERVAL_MS)),
  timeout: optional(duration(), "Until its line has to be there.", formatDuration(CHECK_TIMEOUT_MS)),
});

const SuccessRate = section({
  minimumRequests: optional(
    count({ min: 1 }),
    "A server with fewer requests in 10 s is not judged.",
    OUTLIER_REQUESTS_MIN,
  ),
  minimumServers: optional(
    count({ min: 2, max: 10_000 }),
    "With fewer servers to judge nobody is.",
    OUTLIER_SERVERS_MIN,
  ),
  deviations: optional(
    decimal({ min: 0, max: 100 }),
    "Standard deviations below the mean from which a server is an outlier.",
    OUTLIER_DEVIATIONS,
  ),
});

const Ejection = section({
  consecutiveFailures: optional(
    count({ min: 1, max: 10_000 }),
    "Failures in a row that put a server out.",
    EJECTION_FAILURES,
  ),
  baseTime: optional(
    duration(),
    "How long the first time; n times as long the n-th time in a row.",
    formatDuration(EJECTION_BASE_MS),
  ),
  maxTime: optional(duration(), "Never longer than this.", formatDuration(EJECTION_MAX_MS)),
  maxShare: optional(
    percent(),
    "Of the servers at most so many are out at once, but always one of several.",
    `${EJECTION_SHARE_MAX * 100}%`,
  ),
  successRate: optional(
    either(
      [v.literal(false), SuccessRate],
      "false, or a map of minimumRequests, minimumServers, deviations (it is on when left out)",
    ),
    "Compares the servers every 10 s and puts out those that fail much more often; `false` turns it off.",
    {},
  ),
});

export const Health = section(
  {
    check: optional(
      either([flag(), Check], "true, false, or a map of path, interval, …"),
      "Asks each server regularly; `true` for `GET /` with everything else as below.",
      false,
    ),
    agent: optional(Agent, "Asks an agent on each server for its weight and state."),
    ejection: optional(
      either(
        [v.literal(false), Ejection],
        "false, or a map of consecutiveFailures, baseTime, … (it is on when left out)",
      ),
      "Puts servers out that fail requests; `false` turns it off.",
      {},
    ),
    panicThreshold: optional(
      percent(),
      "With a smaller share of healthy servers all are tried that do not refuse connections; `0%` turns it off.",
      `${PANIC_SHARE * 100}%`,
    ),
  },
  HEALTH_HINTS,
  { instead: "for checks write { check: true }" },
);

export type ParsedHealth = v.InferOutput<typeof Health>;

function port() {
  return count({ min: 1, max: 65_535 });
}

function notEmpty(value: string): string | null {
  return value === "" ? "every body contains it; write what it must hold" : null;
}

function patternProblem(value: string): string | null {
  const compiled = compilePattern(value);
  return "problem" in compiled ? compiled.problem : null;
}

function checkMethod(value: string): string | null {
  if (value === "CONNECT" || value === "TRACE") return 'no server is checked by it; write one such as "GET"';
  return methodProblem(value);
}

function checkPath(value: string): string | null {
  if (!value.startsWith("/")) return `must begin with "/", as in "/${value.replace(/^[*]/, "")}"`;
  if (value.includes("#")) return "has a #, which is never sent to a server";
  return /[^\x21-\x7e]/.test(value) ? "has a space or a character beyond ASCII; write it percent-encoded" : null;
}

function hostValue(value: string): string | null {
  const name = value.replace(/:[0-9]{1,5}$/, "");
  return value.includes("*") ? "is sent as it is; write one host name" : hostPattern(name);
}

function headersCheck({ dataset, addIssue }: v.RawCheckContext<Record<string, string>>): void {
  if (!dataset.typed) return;
  for (const name of Object.keys(dataset.value)) {
    const wrong = name.toLowerCase() === "host" ? "use the check's `host:` for it" : fieldName(name);
    if (wrong !== null) addIssue({ message: `${JSON.stringify(name)} ${wrong}` });
  }
}
