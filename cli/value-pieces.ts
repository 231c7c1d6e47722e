/**
 * What was read of a configuration, in pieces: taking over a large one from another thread would hold up requests if it
 * came as a whole. Only routes and upstreams are ever many.
 */

import { isRecord } from "../core/config/problem.ts";
export type Piece =
  | { readonly routes: readonly unknown[] }
  | { readonly upstreams: readonly (readonly [string, unknown])[] };

export interface Pieces {
  /** Without what is in the pieces. */
  readonly rest: unknown;
  readonly pieces: readonly Piece[];
}

/** Functions, or whatever else cannot be sent to another thread. */
export function hasCode(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value === "function") return true;
  if (typeof value !== "object" || value === null || seen.has(value)) return false;
  seen.add(value);
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  return !isPlain || Object.values(value).some((inner) => hasCode(inner, seen));
}

const ITEMS_MAX = 100;

export function takeApart(value: unknown): Pieces {
  if (!isRecord(value)) return { rest: value, pieces: [] };
  const { routes, upstreams, ...rest } = value;
  const pieces: Piece[] = [];
  if (Array.isArray(routes)) pieces.push(...parts(routes).map((part) => ({ routes: part })));
  if (isRecord(upstreams)) pieces.push(...parts(Object.entries(upstreams)).map((part) => ({ upstreams: part })));
  // What is empty, or is no list and no map, is small.
  return {
    rest: {
      ...rest,
      ...("routes" in value && { routes: Array.isArray(routes) ? [] : routes }),
      ...("upstreams" in value && { upstreams: isRecord(upstreams) ? {} : upstreams }),
    },
    pieces,
  };
}

export function putTogether({ rest, pieces }: Pieces): unknown {
  if (!isRecord(rest)) return rest;
  const routes = pieces.flatMap((piece) => ("routes" in piece ? piece.routes : []));
  const upstreams = pieces.flatMap((piece) => ("upstreams" in piece ? piece.upstreams : []));
  return {
    ...rest,
    ...(routes.length > 0 && { routes }),
    ...(upstreams.length > 0 && { upstreams: Object.fromEntries(upstreams) }),
  };
}

function parts<T>(items: readonly T[]): T[][] {
  const count = Math.ceil(items.length / ITEMS_MAX);
  return Array.from({ length: count }, (_, at) => items.slice(at * ITEMS_MAX, (at + 1) * ITEMS_MAX));
}
