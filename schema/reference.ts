/** The tables of `docs/configuration.md`, one per map of the configuration, made from the schema itself. */

import * as v from "valibot";
import { ConfigSchema } from "../core/config/schema.ts";
import { COUNT_MAX } from "../core/config/shapes.ts";
import { formatSize } from "../core/config/size.ts";

/** What may hang off a valibot schema, as far as it is looked at here. */
export interface Schema {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly wrapped?: Schema;
  readonly default?: unknown;
  readonly options?: readonly (Schema | string)[];
  readonly item?: Schema;
  readonly value?: Schema;
  readonly literal?: unknown;
}

/** Between these two lines of the page stands what `renderReference` makes. */
export const REFERENCE_BEGINS = "<!-- reference: made by schema/generate.ts -->";
export const REFERENCE_ENDS = "<!-- end of reference -->";

export function renderReference(): string {
  const lines: string[] = [];
  renderSection(ConfigSchema as unknown as Schema, "", lines);
  return lines.join("\n");
}

/** The page with its reference made anew. */
export function withReference(page: string): string {
  const start = page.indexOf(REFERENCE_BEGINS);
  const end = page.indexOf(REFERENCE_ENDS);
  if (start < 0 || end < start) throw new Error(`docs/configuration.md lacks the line ${REFERENCE_BEGINS}`);
  return `${page.slice(0, start)}${REFERENCE_BEGINS}\n\n${renderReference()}\n${page.slice(end)}`;
}

function renderSection(section: Schema, path: string, lines: string[]): void {
  const entries = Object.entries(section.entries ?? {});
  lines.push(`### ${path === "" ? "Top level" : `\`${path}\``}`, "");
  lines.push("| key | type | default | meaning |", "|---|---|---|---|");
  for (const [key, entry] of entries) {
    // Where editors show it a link would lead nowhere.
    const meaning = descriptionOf(entry).replaceAll(/\bdocs\/([\w-]+\.md)/g, "[$1]($1)");
    const cells = [`\`${key}\``, typeOf(entry), defaultOf(entry), meaning];
    lines.push(`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  }
  lines.push("");
  for (const [key, entry] of entries) {
    for (const [suffix, inner] of sectionsIn(entry)) {
      if (isRegex(inner) || isHook(inner)) continue;
      renderSection(inner, path === "" ? `${key}${suffix}` : `${path}.${key}${suffix}`, lines);
    }
  }
}

/** The maps with known keys below an entry, and how the path goes on to them. */
function sectionsIn(schema: Schema): [string, Schema][] {
  if (schema.entries !== undefined) return [["", schema]];
  if (schema.wrapped !== undefined) return sectionsIn(schema.wrapped);
  if (schema.item !== undefined) return sectionsIn(schema.item).map(([suffix, inner]) => [`[]${suffix}`, inner]);
  if (schema.type === "record")
    return sectionsIn(schema.value as Schema).map(([suffix, inner]) => [`.NAME${suffix}`, inner]);
  if (schema.type !== "union") return [];
  const found = (schema.options as readonly Schema[]).flatMap(sectionsIn);
  // `x` and `[x]` are the same map.
  const unique = new Map(found.map(([suffix, inner]) => [inner.entries, [suffix, inner] as [string, Schema]]));
  return [...unique.values()];
}

export function typeOf(schema: Schema): string {
  const { unit, min, max } = v.getMetadata(schema as never) as { unit?: string; min?: number; max?: number };
  if (unit !== undefined) return `${unit}${rangeOf(unit, min, max)}`;
  if (schema.wrapped !== undefined) return typeOf(schema.wrapped);
  switch (schema.type) {
    case "string":
      return "text";
    case "literal":
      return `\`${String(schema.literal)}\``;
    case "picklist":
      return (schema.options as readonly string[]).map((option) => `\`${option}\``).join(", ");
    case "array":
      return `list of ${typeOf(schema.item as Schema)}`;
    case "record":
      return `map of name to ${typeOf(schema.value as Schema)}`;
    case "union": {
      const options = schema.options as readonly Schema[];
      const [first, second] = options;
      if (options.some(isHook)) return "hook";
      if (second?.type === "array") return `${typeOf(first as Schema)}, or a list of them`;
      return [...new Set(options.map(typeOf))].join(" or ");
    }
    default:
      return isRegex(schema) ? "`{ regex }`" : "map";
  }
}

/** Bounds that are there for arithmetic only are not worth a word. */
function rangeOf(unit: string, min = 0, max = COUNT_MAX): string {
  const isSize = unit.startsWith("size");
  if (max >= (isSize ? Number.MAX_SAFE_INTEGER : COUNT_MAX)) return "";
  const [least, most] = [min, max].map((bound) => (isSize ? formatSize(bound) : String(bound)));
  return min === 0 ? `, at most ${most}` : `, ${least} to ${most}`;
}

function isRegex({ entries }: Schema): boolean {
  return entries !== undefined && Object.keys(entries).join() === "regex";
}

/** All are written alike, which docs/hooks.md says once. */
export function isHook({ entries }: Schema): boolean {
  return entries !== undefined && "run" in entries;
}

export function defaultOf(schema: Schema): string {
  if (schema.type !== "optional") return "required";
  const value = schema.default;
  if (value === undefined || (typeof value === "object" && value !== null)) return "";
  return value === "" ? "empty" : `\`${String(value)}\``;
}

export function descriptionOf(schema: Schema): string {
  return v.getDescription((schema.wrapped ?? schema) as never) ?? "";
}
