/** What is sent upstream as the request's target: the client's own, unless a route or a hook has said otherwise. */

import { type PathReading, readPath } from "../http/path.ts";
import type { RequestView } from "./request-view.ts";

export interface FoundTarget {
  /** Null sends the client's byte for byte. */
  readonly target: string | null;
}

const AS_RECEIVED: FoundTarget = Object.freeze({ target: null });

/**
 * Null: nothing that may be sent comes out. `reading` is the one the route was found by, null where the path can be read in
 * one way only.
 */
export function findTarget(request: RequestView, reading: PathReading | null): FoundTarget | null {
  const { head, changes, match } = request;
  const { rewritePath } = match!.route;
  if (rewritePath !== null) {
    // After the route was found its hook may have changed the path once more.
    const target = rewritePath(request, match!, changes === null ? (reading ?? undefined) : undefined);
    return target === null ? null : { target };
  }
  if (changes !== null && (changes.path !== null || changes.query !== null)) {
    const path = request.pathIsPlain ? request.path : forwarded(request.path);
    return path === null ? null : { target: request.query === "" ? path : `${path}?${request.query}` };
  }
  // Byte for byte, unless it holds dot segments.
  if (reading === null || reading.forwarded === head.pathText) return AS_RECEIVED;
  return { target: reading.forwarded + (head.queryStart === -1 ? "" : `?${head.queryText}`) };
}

function forwarded(path: string): string | null {
  const reading = readPath(path);
  return "refused" in reading ? null : reading.forwarded;
}
