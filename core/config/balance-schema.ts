/** How servers are chosen: `balance` and `sticky` of an upstream. */

import * as v from "valibot";
import { HASH_METHODS } from "../balance/hash.ts";
import { BALANCE_NAMES } from "../balance/names.ts";
import { isAllOf, TOKEN } from "../bytes/ascii.ts";
import { byteText } from "../bytes/text.ts";
import { STICKY_SECRET_BYTES_MIN } from "../limits.ts";
import type { BalanceDefinition, StickyDefinition } from "../upstream/definition.ts";
import type { HashPart } from "../upstream/hash-key.ts";
import { describe } from "./problem.ts";
import { choice, decimal, described, duration, meant, optional, section, text } from "./shapes.ts";
import { nearestName } from "./suggest.ts";

const PARTS_RIGHT = 'write "header:X-User", "cookie:name", "query:name", "path", "host" or "client-address"';

/** A server can't be held to less than its share, and a bound that nobody reaches is none. */
const BOUNDED_LOAD_MAX = 100;

const Hash = section({
  hash: described(
    text("what to hash", (value) => (parsePart(value) === null ? PARTS_RIGHT : null)),
    "The part of a request that decides: `header:NAME`, `cookie:NAME`, `query:NAME`, `path`, `host` or `client-address`. Requests without it go by `two-choices`.",
  ),
  method: optional(
    choice(HASH_METHODS),
    "`rendezvous` and `maglev` for few and many servers, or `auto`; `ring` is that of nginx's `hash … consistent`.",
    "auto",
  ),
  boundedLoad: optional(
    decimal({ min: 1, max: BOUNDED_LOAD_MAX, isAbove: true }),
    "How many times its share of the requests under way a server may have, more than 1, such as `1.25`; the next one after that.",
  ),
});

const BALANCE_RIGHT = `one of ${BALANCE_NAMES.join(", ")}, or a map such as { hash: "header:X-User" }`;
/** What other proxies call them. */
const FOREIGN_NAMES: ReadonlyMap<string, string> = new Map([
  ["ip_hash", "client-address"],
  ["least_conn", "least-busy"],
  ["leastconn", "least-busy"],
  ["source", "client-address"],
]);

const BalanceName = v.picklist(BALANCE_NAMES, (issue) => {
  // Of a map `String` would call its `toString`, which may be a key of somebody's file.
  const given = typeof issue.input === "string" ? issue.input : "";
  const foreign = FOREIGN_NAMES.get(given);
  const nearest = nearestName(given, BALANCE_NAMES);
  const nearestHint = nearest === null ? "" : `; did you mean ${JSON.stringify(nearest)}?`;
  const hint = foreign === undefined ? nearestHint : `; it is called ${foreign} here`;
  return `expected ${BALANCE_RIGHT}, got ${describe(issue.input)}${hint}`;
});

export const BalanceSchema = meant(
  [BalanceName, Hash],
  (input) => (typeof input === "string" ? BalanceName : null),
  BALANCE_RIGHT,
);

export const StickySchema = section(
  {
    cookie: optional(
      text("the name of a cookie", (value) =>
        isAllOf(TOKEN, value) ? null : "is no name of a cookie; write letters, digits, dashes and underscores",
      ),
      "The cookie that names the server; `millrace-` and the name of the upstream when left out.",
    ),
    secret: described(
      secret(),
      "Signs the cookie, at least 16 bytes, the same in all proxies that share the upstream: `${env:STICKY_SECRET}`.",
    ),
    maxAge: optional(duration(), "How long browsers keep the cookie; until they are closed when left out."),
  },
  {},
  { hides: true },
);

export function defineBalance(balance: v.InferOutput<typeof BalanceSchema>): BalanceDefinition {
  if (balance === "client-address") return { part: { kind: "client-address" }, method: "auto", boundedLoad: null };
  if (typeof balance === "string") return balance;
  return { part: parsePart(balance.hash)!, method: balance.method, boundedLoad: balance.boundedLoad ?? null };
}

export function defineSticky(sticky: v.InferOutput<typeof StickySchema>, upstream: string): StickyDefinition {
  const { cookie = `millrace-${upstream}`, secret, maxAge } = sticky;
  return { cookie, secret, maxAgeSeconds: maxAge === undefined ? null : Math.max(1, Math.round(maxAge / 1_000)) };
}

function parsePart(text: string): HashPart | null {
  if (text === "path" || text === "host" || text === "client-address") return { kind: text };
  const colon = text.indexOf(":");
  const kind = text.slice(0, colon);
  const name = text.slice(colon + 1);
  if (kind === "header") return isAllOf(TOKEN, name) ? { kind, name: name.toLowerCase() } : null;
  if (kind === "cookie") return isAllOf(TOKEN, name) ? { kind, name } : null;
  if (kind === "query") return name === "" ? null : { kind, name: byteText(name) };
  return null;
}

/** What is wrong is told without showing it. */
function secret() {
  return v.pipe(
    v.string("expected text in quotes that is secret"),
    v.check(
      (value) => new TextEncoder().encode(value).length >= STICKY_SECRET_BYTES_MIN,
      `is too short to be secret; give at least ${STICKY_SECRET_BYTES_MIN} bytes, such as those of "openssl rand -hex 16"`,
    ),
  );
}
