/** One route: what it matches, what it changes, what it does. */

import * as v from "valibot";
import { addressBlockProblem } from "./address.ts";
import { MATCH_HINTS, ROUTE_HINTS } from "./foreign-names.ts";
import { Hooks, MountTarget, Target } from "./hook-schema.ts";
import { RouteLimits, RouteTimeouts } from "./number-schema.ts";
import {
  FIELD_NAME,
  fieldName,
  fieldValue,
  hostPattern,
  methodProblem,
  pathPattern,
  pathPrefix,
  redirectTarget,
} from "./route-text.ts";
import { count, described, either, flag, nameText, oneOrMore, optional, section, table, text } from "./shapes.ts";

const REDIRECT_STATUSES = [301, 302, 303, 307, 308] as const;

const ANY_NAME = /^[^\s\p{Cc}]{1,128}$/u;
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
  host: optional(
    oneOrMore(text("a host name", hostPattern), "a host name"),
    "Exact names, or `*.example.com` for every name below.",
  ),
  path: optional(Path, "Exact `/old`; prefix `/api/*` (matches `/api`, too); parameter `/users/:id`; or `{ regex }`."),
  method: optional(oneOrMore(text("a method", methodProblem), "a method"), "Methods such as `GET`."),
  header: optional(
    table(FIELD_NAME, FIELD_NAME_RIGHT, Named),
    "Header name to value, `true` for present, or `{ regex }`; all must hold.",
  ),
  query: optional(
    table(ANY_NAME, "write the parameter's name", Named),
    "Query parameter to value, `true` for present, or `{ regex }`; all must hold.",
  ),
  client: optional(
    oneOrMore(text("an address or block", addressBlockProblem), "an address or block"),
    "Client addresses or blocks, after `trustedProxies`.",
  ),
  listener: optional(
    oneOrMore(text("a listener's name"), "a listener's name"),
    "Names (or else addresses) of listeners.",
  ),
};

const NotConditions = section(conditions, { ...MATCH_HINTS, not: "`not` cannot hold another `not`" });

const Match = section(
  {
    ...conditions,
    not: optional(
      oneOrMore(NotConditions, "a map of conditions"),
      "Conditions that must fail, each as a whole; same keys as `match`.",
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
  stripPrefix: optional(
    text('a prefix such as "/api"', pathPrefix),
    "Taken off the path; what is left begins with `/`.",
  ),
  path: optional(
    template("a path"),
    "Replaces the path, with `$1`, `${path.id}` and variables; keeps the query unless it brings one.",
  ),
  pattern: optional(Pattern, "Replaces what a regular expression matches."),
});

const EditName = text("a header name", fieldName);

const FieldEdits = section({
  set: optional(
    table(FIELD_NAME, FIELD_NAME_RIGHT, template("text")),
    "Header name to value; replaces every header of that name.",
    {},
  ),
  add: optional(
    table(FIELD_NAME, FIELD_NAME_RIGHT, oneOrMore(template("text"), "text")),
    "Header name to value or list of values; added beside what is there.",
    {},
  ),
  remove: optional(oneOrMore(EditName, "a header name"), "Header names to drop."),
});

const Redirect = section({
  to: described(
    text('a target such as "/new"', redirectTarget),
    "The `Location`, with `$1`, `${path.id}` and variables.",
  ),
  status: optional(
    v.pipe(count({ min: 301, max: 308 }), v.rawCheck(redirectStatus)),
    "301, 302, 303, 307 or 308.",
    302,
  ),
});

const Respond = section({
  status: optional(count({ min: 200, max: 599 }), "Status of the response.", 200),
  body: optional(v.string("expected text"), "Sent as UTF-8.", ""),
  contentType: optional(text("a media type", fieldValue), "The `Content-Type`.", "text/plain; charset=utf-8"),
});

export const RouteSchema = section(
  {
    id: optional(nameText(), "What logs and `${route.id}` call it; `routes[3]` when left out."),
    match: optional(Match, "Which requests; everything when left out. All keys given must hold.", {}),
    rewrite: optional(Rewrite, "Changes the path sent upstream; one of the keys below."),
    host: optional(template("a host name"), "The `Host` sent upstream; the client's when left out."),
    request: optional(FieldEdits, "Header changes on the way upstream."),
    response: optional(
      FieldEdits,
      "Header changes on the way to the client, of redirects and fixed responses as well.",
    ),
    upstream: optional(text("the name of an upstream"), "Action: forward to this upstream."),
    redirect: optional(Redirect, "Action: send the client elsewhere."),
    respond: optional(Respond, "Action: a fixed response."),
    target: optional(Target, "Action: forward to where this function says; docs/hooks.md."),
    mount: optional(MountTarget, "Action: answered by this program, a Hono app or any `fetch` handler."),
    hooks: optional(Hooks, "Functions that requests of this route pass through; docs/hooks.md."),
    limits: optional(RouteLimits, "Override the top-level `limits`."),
    timeouts: optional(RouteTimeouts, "Override the upstream's and the top-level `timeouts`."),
    upgrade: optional(flag(), "Whether WebSocket and other upgrades pass.", true),
  },
  ROUTE_HINTS,
);

export type ParsedRoute = v.InferOutput<typeof RouteSchema>;

function redirectStatus({ dataset, addIssue }: v.RawCheckContext<number>): void {
  if (dataset.typed && !REDIRECT_STATUSES.some((status) => status === dataset.value)) {
    addIssue({ message: `${dataset.value}: a redirect is one of ${REDIRECT_STATUSES.join(", ")}` });
  }
}
