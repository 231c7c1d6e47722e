/** What `decide` and `onAttempt` answered, held against what there is: an upstream or server that does not exist is a slip of the hook. */

import { isCalled } from "../health/group-health.ts";
import type { CheckedAttempt, CheckedDecision } from "../script/check-answer.ts";
import { quoted } from "../script/describe-value.ts";
import type { Group } from "../upstream/group.ts";

/** As many as a person reads. */
const NAMES_SHOWN_MAX = 10;

/** Throws a TypeError that names what there is. `own` is the group of the route. */
export function knownDecision(
  decision: CheckedDecision,
  groups: ReadonlyMap<string, Group>,
  own: Group | null,
): CheckedDecision {
  if (decision.kind === "own" && own === null)
    throw new TypeError("it decided nothing, and the route has no upstream of its own");
  if (decision.kind !== "upstream") return decision;
  const { upstream, server } = decision;
  const group = groups.get(upstream);
  if (group === undefined)
    throw new TypeError(`no upstream is called ${quoted(upstream)}; ${known([...groups.keys()])}`);
  refuseUnknown(server, upstream, group);
  return decision;
}

/** The same for a try at a server of `group`. */
export function knownAttempt(change: CheckedAttempt, group: Pick<Group, "definition" | "endpoints">): CheckedAttempt {
  refuseUnknown(change.server, group.definition.name, group);
  return change;
}

function refuseUnknown(
  server: string | null,
  upstream: string,
  { definition, endpoints }: Pick<Group, "definition" | "endpoints">,
): void {
  if (server === null || endpoints.some((endpoint) => isCalled(endpoint, server))) return;
  // That no address is known of it now is no slip.
  if (definition.sources?.some((source) => source.kind === "name" && source.server.label === server)) return;
  const labels = endpoints.map(({ label }) => label);
  throw new TypeError(`upstream ${quoted(upstream)} has no server ${quoted(server)}; ${known(labels)}`);
}

function known(names: readonly string[]): string {
  if (names.length === 0) return "there is none";
  const first = names.slice(0, NAMES_SHOWN_MAX).join(", ");
  return `known ${names.length === 1 ? "is" : "are"} ${names.length > NAMES_SHOWN_MAX ? `${first}, …` : first}`;
}
