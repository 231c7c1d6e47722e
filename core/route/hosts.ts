/**
 * Which routes a host has: its exact name first, then the longest wildcard, then those for any host.
 *
 *     a.b.example.com  →  exact "a.b.example.com", "*.b.example.com", "*.example.com", "*.com", any
 *
 * One map look-up per label; the callers go on to the next step where no route of a step accepts the request.
 */

import { UNRESERVED } from "../bytes/ascii.ts";
import { ipv6HostText } from "../http/host.ts";

export type HostPattern =
  | { readonly kind: "exact"; readonly name: string }
  /** One or more labels in front of `suffix`, which begins with a dot. */
  | { readonly kind: "wildcard"; readonly suffix: string }
  | { readonly kind: "any" };

export const ANY_HOST: HostPattern = Object.freeze({ kind: "any" });

/** Takes what a configuration says; other scripts become their ASCII form (RFC 5891 section 4.4). */
export function compileHost(text: string): HostPattern | { readonly problem: string } {
  if (text === "*") return ANY_HOST;
  const wildcard = text.startsWith("*.");
  const name = asciiName(wildcard ? text.slice(2) : text);
  const problem = name === null ? "is no host name" : problemOf(name);
  if (problem !== null || name === null) {
    return { problem: `${JSON.stringify(text)} ${problem}; write a name such as "example.com" or "*.example.com"` };
  }
  if (!wildcard) return { kind: "exact", name: name.startsWith("[") ? ipv6HostText(name) : name };
  if (name.startsWith("[")) return { problem: `${JSON.stringify(text)} has a wildcard before an IP address` };
  return { kind: "wildcard", suffix: `.${name}` };
}

export function hostMatches(pattern: HostPattern, host: string): boolean {
  switch (pattern.kind) {
    case "exact":
      return host === pattern.name;
    case "wildcard":
      return host.length > pattern.suffix.length && host.endsWith(pattern.suffix);
    case "any":
      return true;
  }
}

/** Negative when `left` is looked at before `right`. */
export function compareHosts(left: HostPattern, right: HostPattern): number {
  return hostRank(right) - hostRank(left);
}

export class HostIndex<Entry> {
  readonly #exact = new Map<string, Entry>();
  /** By suffix with its leading dot. */
  readonly #wildcards = new Map<string, Entry>();
  #any: Entry | null = null;

  /** What is kept for the pattern, made by `create` at its first use. */
  entry(pattern: HostPattern, create: () => Entry): Entry {
    if (pattern.kind === "any") return (this.#any ??= create());
    const map = pattern.kind === "exact" ? this.#exact : this.#wildcards;
    const key = pattern.kind === "exact" ? pattern.name : pattern.suffix;
    let entry = map.get(key);
    if (entry === undefined) {
      entry = create();
      map.set(key, entry);
    }
    return entry;
  }

  exact(host: string): Entry | undefined {
    return this.#exact.get(host);
  }

  get hasWildcards(): boolean {
    return this.#wildcards.size > 0;
  }

  /** `suffix` begins with a dot. */
  wildcard(suffix: string): Entry | undefined {
    return this.#wildcards.get(suffix);
  }

  get any(): Entry | null {
    return this.#any;
  }
}

function hostRank(pattern: HostPattern): number {
  switch (pattern.kind) {
    case "exact":
      return Number.POSITIVE_INFINITY;
    case "wildcard":
      return pattern.suffix.split(".").length;
    case "any":
      return 0;
  }
}

function problemOf(name: string): string | null {
  if (name === "") return "is empty";
  if (name.startsWith("[")) return /^\[[0-9a-f:.]+\]$/.test(name) ? null : "is no IPv6 address";
  if (name.includes("*")) return "has a wildcard that is not its whole first label";
  if (/:[0-9]*$/.test(name)) return "has a port, which is not part of a host";
  for (let index = 0; index < name.length; index++) {
    if (UNRESERVED[name.charCodeAt(index)] !== 1) return `has the character ${JSON.stringify(name[index])}`;
  }
  return name.startsWith(".") || name.includes("..") ? "has an empty label" : null;
}

function asciiName(text: string): string | null {
  const name = text.endsWith(".") ? text.slice(0, -1) : text;
  if (/^[\x21-\x7e]*$/.test(name)) return name.toLowerCase();
  // Only letters may leave ASCII: `URL` would read other characters as the end of the host.
  if ([...name].some((character) => character < "\x80" && !/[a-z0-9.-]/i.test(character))) return null;
  return URL.canParse(`http://${name}/`) ? new URL(`http://${name}/`).hostname : null;
}
