/** The ways a path is read when its route is looked for, and why one that has two is refused (decision 011). */

import { readPath } from "../http/path.ts";
import type { Reading } from "../route/paths.ts";
import type { RouteRequest } from "../route/route.ts";
import type { RouteTable } from "../route/table.ts";

export interface PathRead {
  readonly path: string;
  readonly reading: Reading;
}

/** One or two; none when the path is refused before anybody asks for its route. */
export function readingsOf({ path, pathIsPlain }: RouteRequest): readonly PathRead[] {
  if (pathIsPlain) return [{ path, reading: "literal" }];
  const read = readPath(path);
  if ("refused" in read) return [];
  const literal: PathRead = { path: read.literal, reading: "literal" };
  return read.literal === read.decoded ? [literal] : [literal, { path: read.decoded, reading: "decoded" }];
}

/** The id of the route one reading leads to; null: to none; "ambiguous": a condition cannot be told. */
export function routeIdOf(table: RouteTable, request: RouteRequest, { path, reading }: PathRead): string | null {
  const found = table.matchReading(request, path, reading);
  return found === null || found === "ambiguous" ? found : found.route.id;
}

/** Why no route is looked for, or none is taken though there are some; `""`: neither is so. */
export function whyNotRouted(table: RouteTable, request: RouteRequest): string {
  const readings = readingsOf(request);
  if (readings.length === 0) {
    const read = readPath(request.path);
    return "refused" in read ? `it has ${read.refused}` : "";
  }
  const found = readings.map((read) => routeIdOf(table, request, read));
  if (found.includes("ambiguous")) return "of a condition nobody can tell whether this request meets it";
  if (found.every((id) => id === found[0])) return "";
  const ways = readings.map(({ path }, place) => `as ${path}, which leads to ${routeText(found[place] ?? null)}`);
  return `it can be read ${ways.join(", and ")}`;
}

function routeText(id: string | null): string {
  return id === null ? "no route" : `route ${id}`;
}
