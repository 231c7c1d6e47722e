/** An explanation as a person reads it on a terminal. */

import { formatSize } from "../config/size.ts";
import { formatDuration } from "../time/duration.ts";
import type { EffectiveNumber } from "./effective-numbers.ts";
import type { Explanation } from "./explain.ts";
import type { ExplainedSticky, ExplainedUpstream } from "./explained-upstream.ts";
import { READ_AS, type RejectedRoute } from "./route-reasons.ts";

/** Of ten thousand routes nobody reads more; those that missed by least come first. */
const REJECTED_SHOWN_MAX = 10;
const SERVERS_SHOWN_MAX = 20;
/** Characters. */
const BODY_SHOWN_MAX = 100;
/** Limits that are no bytes. */
const COUNTS: ReadonlySet<string> = new Set([
  "requestFields",
  "responseFields",
  "trailerFields",
  "interimResponses",
  "clientConnections",
  "connectionsPerAddress",
  "inFlight",
]);
/** Shown even when nobody has set them. */
const ALWAYS_SHOWN = ["connect", "firstByte", "responseIdle", "requestBody"];

/** Hooks that may send a request elsewhere, or nowhere. */
const DECIDING = /\.(onRequest|decide|onAttempt)$/;

/** An explanation, line by line. */
export function explanationText(explanation: Explanation): string[] {
  const { request, client, listener, refused, route, upstream, sent, answer } = explanation;
  const lines = [request, `  from ${client}, on listener ${listener || "none"}`, ""];
  lines.push(row("Route", route === null ? "none" : `${route.id}, ${route.place} of ${route.of}: ${route.action}`));
  const asked = explanation.hooks.map(({ name }) => name).filter((name) => DECIDING.test(name));
  if (asked.length > 0) lines.push(row("", `unless code says otherwise: ${asked.join(", ")}`));
  if (refused !== null) lines.push(row("Refused", `${refused.status}, ${refused.code}: ${refused.reason}`));
  if (refused !== null && refused.detail !== "") lines.push(row("", refused.detail));
  if (answer !== null) lines.push(row("Answer", answer));
  if (explanation.body !== "") lines.push(row("", shortened(JSON.stringify(explanation.body))));
  lines.push(...rejectedText(explanation));
  if (sent !== null) {
    const isServed = upstream === null || upstream.chosen !== null || upstream.isIncomplete;
    const what = isServed ? "Sent upstream" : "Not sent, for no server may be asked; it would be";
    lines.push("", `${what}${sent.isRewritten ? ", target rewritten" : ""}`);
    for (const each of [sent.line, ...sent.fields]) lines.push(`  ${each}`);
  }
  if (upstream !== null) lines.push("", ...upstreamText(upstream));
  if (explanation.responseEdits.length > 0) lines.push("", row("Response", explanation.responseEdits.join(", ")));
  if (route !== null) {
    lines.push("", row("Timeouts", numbersText(explanation.timeouts, durationText)));
    lines.push(
      row(
        "Limits",
        numbersText(explanation.limits, (value, name) => (COUNTS.has(name) ? String(value) : formatSize(value))),
      ),
    );
  }
  lines.push(...hooksText(explanation));
  return lines;
}

function shortened(text: string): string {
  return text.length > BODY_SHOWN_MAX ? `${text.slice(0, BODY_SHOWN_MAX)}…` : text;
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)}${text}`;
}

function rejectedText({ rejected, route }: Explanation): string[] {
  if (rejected.length === 0) return [];
  // Whoever matches too is the nearest.
  const nearest = rejected.map((each, place) => ({ each, place }));
  nearest.sort((left, right) => missesOf(left.each) - missesOf(right.each) || left.place - right.place);
  const shown = nearest.slice(0, REJECTED_SHOWN_MAX).map(({ each: { id, failing } }) => {
    const why =
      failing.length === 0 ? `matches too, but ${route?.id ?? "another"} comes before it` : failing.join("; ");
    return `  ${id}: ${why}`;
  });
  const more = rejected.length - shown.length;
  return ["", "Not taken", ...shown, ...(more > 0 ? [`  … and ${more} more (--json lists all)`] : [])];
}

/** What holds in one reading of the path is nearer than anything else. */
function missesOf({ failing }: RejectedRoute): number {
  return failing.filter((each) => !each.startsWith(READ_AS)).length;
}

function upstreamText(upstream: ExplainedUpstream): string[] {
  const { name, balance, chosen, chosenBy, isByChance, servers, isIncomplete, attemptsMax, retriesOn } = upstream;
  const lines = [`Upstream ${name}, ${balance}; health as configured, nothing was checked`];
  const width = Math.max(6, ...servers.slice(0, SERVERS_SHOWN_MAX).map(({ server }) => server.length));
  for (const { server, weight, state, skipped } of servers.slice(0, SERVERS_SHOWN_MAX)) {
    const first = isByChance
      ? "would come first by this draw; it is drawn by chance"
      : `would come first now, by ${chosenBy}`;
    const note = server === chosen ? first : skipped;
    lines.push(`  ${server.padEnd(width)}  weight ${weight}  ${state}${note === "" ? "" : `  ${note}`}`);
  }
  if (servers.length > SERVERS_SHOWN_MAX)
    lines.push(`  … and ${servers.length - SERVERS_SHOWN_MAX} more (--json lists all)`);
  if (isIncomplete) lines.push("  further servers are found by DNS or in files, where nobody looked");
  if (chosen === null && !isIncomplete) lines.push("  none of them may be asked: 503");
  if (upstream.sticky !== null) lines.push(`  ${stickyText(upstream.sticky, upstream)}`);
  const { isRepeatable, isReplayable } = upstream;
  const why = isRepeatable ? "its body is not kept for a second time" : "this request may not be done twice";
  const once = isRepeatable && isReplayable ? "" : `; ${why}`;
  const tries = attemptsMax === 0 || retriesOn.length === 0 ? "none" : `${attemptsMax}, after ${retriesOn.join(", ")}`;
  lines.push(`  further tries: ${tries}${once}`);
  return lines;
}

function stickyText({ cookie, state, server }: ExplainedSticky, { chosen, isIncomplete }: ExplainedUpstream): string {
  switch (state) {
    case "none":
      return `sticky by cookie ${cookie}: the request has none`;
    case "unchecked":
      return `sticky by cookie ${cookie}: the request has one, whose signature nobody checked; a good one goes first`;
    case "bad": {
      const gone = isIncomplete ? "its server is gone or not looked for" : "its server is gone";
      return `sticky by cookie ${cookie}: the request's is forged, damaged, or ${gone}; it counts as none`;
    }
    case "good":
      return `sticky by cookie ${cookie}: the request's names ${server}${server === chosen ? "" : ", which may not be asked now"}`;
  }
}

function hooksText({ hooks }: Explanation): string[] {
  if (hooks.length === 0) return [];
  const lines = hooks.map(({ name, source, timeoutMs, fallback }) => {
    const at = source === "" ? "" : ` (${source})`;
    return `  ${name}${at}: within ${formatDuration(timeoutMs)}, else ${fallback}`;
  });
  return ["", "Hooks, in this order; they were not run", ...lines];
}

/** What somebody has set, and the few that are always of interest. */
function numbersText(numbers: readonly EffectiveNumber[], format: (value: number, name: string) => string): string {
  return numbers
    .filter(({ name, from }) => from !== "default" || ALWAYS_SHOWN.includes(name))
    .map(({ name, value, from }) => `${name} ${value === null ? "unlimited" : format(value, name)} (${from})`)
    .join(", ");
}

function durationText(value: number): string {
  return value === 0 ? "0s" : formatDuration(value);
}
