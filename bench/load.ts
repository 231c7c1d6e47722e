/** A case's load on a target, by wrk. */

import type { LoadCase } from "./cases.ts";
import type { Cores } from "./cores.ts";
import type { StartedTarget } from "./start-targets.ts";
import { type LoadResult, wrk } from "./wrk.ts";

export function load(target: StartedTarget, loadCase: LoadCase, seconds: number, cores: Cores): Promise<LoadResult> {
  return wrk({ ...loadCase, url: `http://127.0.0.1:${target.port}${loadCase.path}`, seconds, core: cores.load });
}
