/** What all exchanges of a proxy share. */

import type { Observer } from "../observe/events.ts";
import type { Traces } from "../observe/trace.ts";
import type { HookSurroundings } from "../script/hook.ts";
import type { HttpDate } from "../time/date.ts";
import type { Surroundings } from "../upstream/connections.ts";
import type { Deployment } from "./deployment.ts";
import type { InFlight } from "./in-flight.ts";
import type { ReplayBudget } from "./replay-budget.ts";

export interface Engine extends Surroundings {
  /** What hooks may ask for. */
  readonly hooks: HookSurroundings;
  readonly observer: Observer;
  readonly traceRing: Traces;
  readonly date: HttpDate;
  readonly inFlight: InFlight;
  readonly replayBudget: ReplayBudget;
  /** An error that must not stop what is under way: thrown again from the next tick, where it harms nobody. */
  reportDefect(error: unknown): void;
  /** Identifies one request in answers and logs. */
  nextRequestId(): string;
  /** Requests that begin now go by this one. */
  readonly deployment: Deployment;
  readonly isDraining: boolean;
  /** False while draining or full: a response says that it is the last on its connection. `isFirst`: and the first. */
  keepsConnection(isFirst: boolean): boolean;
}
