/** What is different about a request between two configurations. */

import type { Explanation } from "./explain.ts";

export interface Difference {
  /** `sent.fields[Host]`, `route.id` */
  readonly what: string;
  /** Null: it is not there. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Routes that are not taken are no difference: they change nothing for the request. */
export function differences(before: Explanation, after: Explanation): Difference[] {
  const left = flatten(before);
  const right = flatten(after);
  return [...new Set([...left.keys(), ...right.keys()])].flatMap((what) => {
    const was = left.get(what) ?? null;
    const is = right.get(what) ?? null;
    return was === is ? [] : [{ what, before: was, after: is }];
  });
}

function flatten({ rejected: _, request: __, ...explanation }: Explanation): Map<string, string> {
  const values = new Map<string, string>();
  const { route, upstream, hooks: asked, ...rest } = explanation;
  // Whatever is written above a function moves it.
  const hooks = asked.map((hook) => ({ ...hook, source: hook.source.replace(/:[0-9]+$/, "") }));
  // Its place among the others says nothing about it, and nothing does the server that one draw has led to.
  const kept = route === null ? null : { id: route.id, action: route.action };
  walk(
    { ...rest, hooks, route: kept, upstream: upstream?.isByChance ? { ...upstream, chosen: null } : upstream },
    "",
    values,
  );
  return values;
}

function walk(value: unknown, path: string, values: Map<string, string>): void {
  if (typeof value !== "object" || value === null) {
    if (value !== null && value !== "") values.set(path, String(value));
    return;
  }
  if (!Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) walk(inner, path === "" ? key : `${path}.${key}`, values);
    return;
  }
  const times = new Map<string, number>();
  for (const [index, inner] of value.entries()) {
    const name = nameOf(inner, index);
    const time = (times.get(name) ?? 0) + 1;
    times.set(name, time);
    // A field may stand there twice.
    walk(withoutName(inner), `${path}[${name}${time === 1 ? "" : ` #${time}`}]`, values);
  }
}

/** Items are called by what tells them apart, so that one more at the front does not change all of them. */
function nameOf(item: unknown, index: number): string {
  if (typeof item === "string") return item.includes(": ") ? item.slice(0, item.indexOf(": ")) : item;
  if (typeof item !== "object" || item === null) return String(index);
  const { name, server } = item as { readonly name?: string; readonly server?: string };
  return name ?? server ?? String(index);
}

function withoutName(item: unknown): unknown {
  if (typeof item !== "string") return item;
  return item.includes(": ") ? item.slice(item.indexOf(": ") + 2) : "yes";
}

export function differenceText({ what, before, after }: Difference): string {
  if (before === null) return `  + ${what}: ${after}`;
  return after === null ? `  - ${what}: ${before}` : `  ~ ${what}: ${before} -> ${after}`;
}
