/** An explanation as a person reads it on a terminal. */

import { formatDuration } from "../time/duration.ts";
import type { EffectiveNumber } from "./effective-numbers.ts";
import type { ExplainedUpstream, Explanation } from "./explain.ts";

/** Of ten thousand routes nobody reads more; those that missed by least come first. */
const REJECTED_SHOWN_MAX = 10;
const SERVERS_SHOWN_MAX = 20;
/** Shown even when nobody has set them. */
const ALWAYS_SHOWN = ["connect", "firstByte", "responseIdle", "requestBody"];

/** An explanation, line by line. */
export function explanationText(explanation: Explanation): string[] {
  const { request, client, listener, refused, route, upstream, sent, answer } = explanation;
  const lines = [request, `  from ${client}, on listener ${listener || "none"}`, ""];
  lines.push(row("Route", route === null ? "none" : `${route.id}, ${route.place} of ${route.of}: ${route.action}`));
  if (refused !== null) lines.push(row("Refused", `${refused.status}, ${refused.code}: ${refused.reason}`));
  if (answer !== null) lines.push(row("Answer", answer));
  lines.push(...rejectedText(explanation));
  if (sent !== null) {
    lines.push("", `Sent upstream${sent.isRewritten ? ", target rewritten" : ""}`);
    for (const each of [sent.line, ...sent.fields]) lines.push(`  ${each}`);
  }
  if (upstream !== null) lines.push("", ...upstreamText(upstream));
  if (route !== null) {
    lines.push("", row("Timeouts", numbersText(explanation.timeouts, durationText)));
    lines.push(
      row(
        "Limits",
        numbersText(explanation.limits, (value) => String(value)),
      ),
    );
  }
  lines.push(...hooksText(explanation));
  return lines;
}

function row(name: string, text: string): string {
  return `${name.padEnd(10)}${text}`;
}

function rejectedText({ rejected, route }: Explanation): string[] {
  if (rejected.length === 0) return [];
  // Whoever matches too is the nearest.
  const nearest = rejected.map((each, place) => ({ each, place }));
  nearest.sort((left, right) => left.each.failing.length - right.each.failing.length || left.place - right.place);
  const shown = nearest.slice(0, REJECTED_SHOWN_MAX).map(({ each: { id, failing } }) => {
    const why =
      failing.length === 0 ? `matches too, but ${route?.id ?? "another"} comes before it` : failing.join("; ");
    return `  ${id}: ${why}`;
  });
  const more = rejected.length - shown.length;
  return ["", "Not taken", ...shown, ...(more > 0 ? [`  … and ${more} more (--json lists all)`] : [])];
}

function upstreamText(upstream: ExplainedUpstream): string[] {
  const { name, balance, chosen, chosenBy, servers, isIncomplete, attemptsMax, retriesOn } = upstream;
  const lines = [`Upstream ${name}, ${balance}; health as configured, nothing was checked`];
  const width = Math.max(6, ...servers.slice(0, SERVERS_SHOWN_MAX).map(({ server }) => server.length));
  for (const { server, weight, state, skipped } of servers.slice(0, SERVERS_SHOWN_MAX)) {
    const note = server === chosen ? `would come first now, by ${chosenBy}` : skipped;
    lines.push(`  ${server.padEnd(width)}  weight ${weight}  ${state}${note === "" ? "" : `  ${note}`}`);
  }
  if (servers.length > SERVERS_SHOWN_MAX)
    lines.push(`  … and ${servers.length - SERVERS_SHOWN_MAX} more (--json lists all)`);
  if (isIncomplete) lines.push("  further servers are found by DNS or in files, where nobody looked");
  if (chosen === null && !isIncomplete) lines.push("  none of them may be asked: 503");
  const on = retriesOn.join(", ");
  lines.push(`  further tries: ${attemptsMax === 0 ? "none" : `${attemptsMax}, after ${on}`}`);
  return lines;
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
function numbersText(numbers: readonly EffectiveNumber[], format: (value: number) => string): string {
  return numbers
    .filter(({ name, from }) => from !== "default" || ALWAYS_SHOWN.includes(name))
    .map(({ name, value, from }) => `${name} ${value === null ? "unlimited" : format(value)} (${from})`)
    .join(", ");
}

function durationText(value: number): string {
  return value === 0 ? "0s" : formatDuration(value);
}
