/** One route: what it matches, what it changes, what it does. */

import * as v from "valibot";
import { addressBlockProblem } from "./address.ts";
import { MATCH_HINTS, ROUTE_HINTS } from "./foreign-names.ts";
import { Hooks, MountTarget, Target } from "./hook-schema.ts";
import { RouteLimits, RouteTimeouts } from "./number-schema.ts";
import {
  fieldName,
  fieldValue,
  hostPattern,
  methodProblem,
  pathPattern,
  pathPrefix,
  redirectTarget,
} from "./route-text.ts";
import { count, described, either, flag, nameText, oneOrMore, section, table, text } from "./shapes.ts";

const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;

const ANY_NAME = /^[^\s\p{Cc}]{1,128}$/u;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const FIELD_NAME_RIGHT = 'write a header name such as "X-Request-Id"';

const Regex = section({
  regex: described(
    text("a regular expression"),
    "A regular expression in RE2 syntax; it may match anywhere unless `^` and `$` say otherwise.",
  ),
});

const pathText = text('a path such as "/api/*"', pathPattern);
const Path = oneOrMore(
  either([pathText, Regex], 'a path such as "/api/*", or { regex: "^/u/[0-9]+$" }'),
  'a path such as "/api/*", or { regex: … }',
);

const Named = either(
  [text("text"), v.literal(true), Regex],
  'the value as text in quotes, true (present with any value) or { regex: "…" }',
);

const conditions = {
  host: v.optional(
    described(
      oneOrMore(text("a host name", hostPattern), "a host name"),
      "Exact names, or `*.example.com` for every name below.",
    ),
  ),
  path: v.optional(
    described(Path, "Exact `/old`; prefix `/api/*` (matches `/api`, too); parameter `/users/:id`; or `{ regex }`."),
  ),
  method: v.optional(described(oneOrMore(text("a method", methodProblem), "a method"), "Methods such as `GET`.")),
  header: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, Named),
      "Header name to value, `true` for present, or `{ regex }`; all must hold.",
    ),
  ),
  query: v.optional(
    described(
      table(ANY_NAME, "write the parameter's name", Named),
      "Query parameter to value, `true` for present, or `{ regex }`; all must hold.",
    ),
  ),
  client: v.optional(
    described(
      oneOrMore(text("an address or block", addressBlockProblem), "an address or block"),
      "Client addresses or blocks, after `trustedProxies`.",
    ),
  ),
  listener: v.optional(
    described(oneOrMore(text("a listener's name"), "a listener's name"), "Names (or else addresses) of listeners."),
  ),
};

const NotConditions = section(conditions, { ...MATCH_HINTS, not: "`not` cannot hold another `not`" });

const Match = section(
  {
    ...conditions,
    not: v.optional(
      described(
        oneOrMore(NotConditions, "a map of conditions"),
        "Conditions that must fail, each as a whole; same keys as `match`.",
      ),
    ),
  },
  MATCH_HINTS,
);

const template = (what: string) => text(what, fieldValue);

const Pattern = section({
  regex: described(text("a regular expression"), "A regular expression over the path."),
  to: described(template("a path"), "What the matched part becomes, with `$1` and variables."),
});

const Rewrite = section({
  stripPrefix: v.optional(
    described(text('a prefix such as "/api"', pathPrefix), "Taken off the path; what is left begins with `/`."),
  ),
  path: v.optional(
    described(
      template("a path"),
      "Replaces the path, with `$1`, `${path.id}` and variables; keeps the query unless it brings one.",
    ),
  ),
  pattern: v.optional(described(Pattern, "Replaces what a regular expression matches.")),
});

const EditName = text("a header name", fieldName);

const FieldEdits = section({
  set: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, template("text")),
      "Header name to value; replaces every header of that name.",
    ),
    {},
  ),
  add: v.optional(
    described(
      table(FIELD_NAME, FIELD_NAME_RIGHT, oneOrMore(template("text"), "text")),
      "Header name to value or list of values; added beside what is there.",
    ),
    {},
  ),
  remove: v.optional(described(oneOrMore(EditName, "a header name"), "Header names to drop.")),
});

const Redirect = section({
  to: described(
    text('a target such as "/new"', redirectTarget),
    "The `Location`, with `$1`, `${path.id}` and variables.",
  ),
  status: v.optional(
    described(v.pipe(count({ min: 301, max: 308 }), v.rawCheck(redirectStatus)), "301, 302, 303, 307 or 308."),
    302,
  ),
});

const Respond = section({
  status: v.optional(described(count({ min: 200, max: 599 }), "Status of the response."), 200),
  body: v.optional(described(v.string("expected text"), "Sent as UTF-8."), ""),
  contentType: v.optional(
    described(text("a media type", fieldValue), "The `Content-Type`."),
    "text/plain; charset=utf-8",
  ),
});

export const RouteSchema = section(
  {
    id: v.optional(described(nameText(), "What logs and `${route.id}` call it; `routes[3]` when left out.")),
    match: v.optional(described(Match, "Which requests; everything when left out. All keys given must hold."), {}),
    rewrite: v.optional(described(Rewrite, "Changes the path sent upstream; one of the keys below.")),
    host: v.optional(described(template("a host name"), "The `Host` sent upstream; the client's when left out.")),
    request: v.optional(described(FieldEdits, "Header changes on the way upstream.")),
    response: v.optional(
      described(FieldEdits, "Header changes on the way to the client, of redirects and fixed responses as well."),
    ),
    upstream: v.optional(described(text("the name of an upstream"), "Action: forward to this upstream.")),
    redirect: v.optional(described(Redirect, "Action: send the client elsewhere.")),
    respond: v.optional(described(Respond, "Action: a fixed response.")),
    target: v.optional(described(Target, "Action: forward to where this function says; docs/hooks.md.")),
    mount: v.optional(described(MountTarget, "Action: answered by this program, a Hono app or any `fetch` handler.")),
    hooks: v.optional(described(Hooks, "Functions that requests of this route pass through; docs/hooks.md.")),
    limits: v.optional(described(RouteLimits, "Override the top-level `limits`.")),
    timeouts: v.optional(described(RouteTimeouts, "Override the upstream's and the top-level `timeouts`.")),
    upgrade: v.optional(described(flag(), "Whether WebSocket and other upgrades pass."), true),
  },
  ROUTE_HINTS,
);

export type ParsedRoute = v.InferOutput<typeof RouteSchema>;

function redirectStatus({ dataset, addIssue }: v.RawCheckContext<number>): void {
  if (dataset.typed && !REDIRECT_STATUSES.some((status) => status === dataset.value)) {
    addIssue({ message: `${dataset.value}: a redirect is one of ${REDIRECT_STATUSES.join(", ")}` });
  }
}
