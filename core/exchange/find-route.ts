/** The route of a request, and what it goes by from there on. */

import type { Fault } from "../fault.ts";
import * as fault from "../fault.ts";
import { BODY_LENGTH } from "../http/message.ts";
import { type PathReading, readPath } from "../http/path.ts";
import type { RequestView } from "./request-view.ts";

/** The reading the route was found by: null where the path can be read in one way only. */
export interface FoundRoute {
  readonly reading: PathReading | null;
}

export const PATH_REFUSED = fault.clientRefusal(-fault.BAD_PATH);

const PLAIN: FoundRoute = Object.freeze({ reading: null });

/** Sets `match` and `plan` of the request, or answers why there is no route for it. */
export function findRoute(request: RequestView): Fault | FoundRoute {
  const { deployment, head, client } = request;
  let found = PLAIN;
  if (!request.pathIsPlain) {
    const reading = readPath(request.path);
    if ("refused" in reading) return PATH_REFUSED;
    found = { reading };
  }
  const match = deployment.snapshot.table.match(request, found.reading ?? undefined);
  if (match === "ambiguous") return PATH_REFUSED;
  if (match === null) return fault.NO_ROUTE;
  request.match = match;
  request.plan = deployment.plans.get(match.route)!;
  const { limits, timeouts } = request.plan;
  client.connection.goBy(limits, timeouts);
  const isTooLarge = head.body === BODY_LENGTH && head.bodyLength > limits.requestBodyBytesMax;
  return isTooLarge ? fault.BODY_TOO_LARGE : found;
}
