import type { Snapshot } from "../core/exchange/snapshot.ts";
import { DEFAULT_CLIENT, parseRequestLine } from "../core/explain/request-line.ts";
import { rejectedRoutes } from "../core/explain/route-reasons.ts";
import { isPlainPath } from "../core/http/path.ts";
import type { RouteRequest } from "../core/route/route.ts";
import { fieldsOf, type RequestOptions } from "./request-line.ts";

/**
 * Why routes were not taken, one line each, in the order they are asked. Each condition is asked for itself, by the
 * same table that routes requests. Hooks that rewrite a request before it is routed are not run for this.
 */
export function routeReasons(
  { table, listeners }: Snapshot,
  chosen: string,
  line: string,
  options: RequestOptions,
): string[] {
  const request = routeRequest(line, options, listeners[0]?.name ?? "");
  return rejectedRoutes(table, chosen, request).map(({ id, failing }) => {
    const why = failing.length > 0 ? failing.join("; ") : `matches too, but ${chosen} comes before it`;
    return `route ${id}: ${why}`;
  });
}

function routeRequest(line: string, options: RequestOptions, listener: string): RouteRequest {
  const { method, authority, target } = parseRequestLine(line);
  const fields = fieldsOf(options.headers);
  const valuesOf = (name: string): string[] =>
    fields.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
  const host = valuesOf("host")[0] ?? authority;
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  return {
    host: host
      .replace(/:[0-9]*$/, "")
      .replace(/\.$/, "")
      .toLowerCase(),
    method,
    path,
    query: mark < 0 ? "" : target.slice(mark + 1),
    pathIsPlain: isPlainPath(path),
    clientAddress: options.client ?? DEFAULT_CLIENT,
    listener: options.listener ?? listener,
    header: (name) => (name === "host" ? host : valuesOf(name).join(", ") || null),
  };
}
