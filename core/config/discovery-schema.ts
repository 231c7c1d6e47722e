/** The keys about finding servers: by SRV records, in files, and how DNS is asked for them. */

import { DEFAULT_DNS } from "../limits.ts";
import { formatDuration } from "../time/duration.ts";
import { hostNameProblem, parseResolverAddress } from "./address.ts";
import { SERVER_STATES } from "./health-schema.ts";
import { choice, count, described, duration, flag, oneOrMore, optional, section, text } from "./shapes.ts";

const SERVICE = 'a service name such as "_http._tcp.app.internal"';
const FROM_RECORDS = "SRV records say it; leave it out";

/** Servers found by SRV records. */
export const Service = section(
  {
    srv: described(
      text(SERVICE, serviceProblem),
      "A service name such as `_http._tcp.app.internal`: host, port, weight and priority of each server come from its SRV records.",
    ),
    maxConnections: optional(
      count({ min: 1, unlimited: true }),
      "As above, of each server that is found.",
      "unlimited",
    ),
    backup: optional(flag(), "As above, of each server that is found.", false),
    state: optional(choice(SERVER_STATES), "As above, of each server that is found.", "ready"),
  },
  { weight: FROM_RECORDS, priority: FROM_RECORDS, port: FROM_RECORDS, address: "write either address or srv" },
);

const ELSEWHERE = "write it in the file, at the server";

/** Servers listed in a file. */
export const ServerFile = section(
  {
    file: described(
      text('a file name such as "servers.yaml"', (value) =>
        /\.(ya?ml|json)$/.test(value) ? null : "must end in .yaml, .yml or .json",
      ),
      "A list of servers, YAML or JSON, relative to this file and watched: addresses, or maps as here.",
    ),
  },
  {
    weight: ELSEWHERE,
    priority: ELSEWHERE,
    maxConnections: ELSEWHERE,
    backup: ELSEWHERE,
    address: "write either address or file",
  },
);

export const Dns = section({
  servers: optional(
    oneOrMore(
      text('a resolver such as "10.0.0.53"', (value) => {
        const parsed = parseResolverAddress(value);
        return "problem" in parsed ? parsed.problem : null;
      }),
      "a resolver",
    ),
    "Resolvers, asked one after the other: `10.0.0.53`, `127.0.0.1:5353`, `[::1]:53`; those of the system when left out.",
  ),
  minTtl: optional(
    duration(),
    "Names are asked for again no sooner than this, `100ms` at least.",
    formatDuration(DEFAULT_DNS.ttlMsMin),
  ),
  maxTtl: optional(duration(), "Names are asked for again no later than this.", formatDuration(DEFAULT_DNS.ttlMsMax)),
  timeout: optional(
    duration(),
    "How long each resolver is waited for, `100ms` at least.",
    formatDuration(DEFAULT_DNS.timeoutMs),
  ),
});

function serviceProblem(value: string): string | null {
  return /:[0-9]*$/.test(value) ? "leave out the port, which SRV records say" : hostNameProblem(value);
}
