/** Which servers a request goes to whose hook has decided: those of an upstream, or a target in no list. */

import { type Fault, NO_DECISION, TARGET_NOT_ALLOWED } from "../fault.ts";
import type { Destination } from "../script/check-answer.ts";
import type { Group } from "../upstream/group.ts";
import type { Deployment, RoutePlan } from "./deployment.ts";
import { RequestChanges } from "./request-changes.ts";

export interface GroupSeeker {
  readonly deployment: Deployment;
  readonly plan: RoutePlan | null;
  changes: RequestChanges | null;
}

/** `next` may be called later, when a name had to be resolved: also when the request is over by then. */
export function findGroup(seeker: GroupSeeker, destination: Destination, next: (found: Group | Fault) => void): void {
  const { groups, targets } = seeker.deployment;
  if (destination.kind === "own") next(seeker.plan!.group ?? NO_DECISION);
  else if (destination.kind === "upstream") next(groups.get(destination.upstream) ?? NO_DECISION);
  else if (targets === null) next(TARGET_NOT_ALLOWED);
  else {
    const { host, port, sentHost, edits } = destination;
    seeker.changes ??= new RequestChanges();
    seeker.changes.decide(sentHost, edits);
    targets.find(host, port, next);
  }
}
