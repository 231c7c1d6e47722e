import { describe } from "@std/testing/bdd";
import type { Runtime } from "../../core/runtime.ts";
import { arriving } from "./contract/arriving.ts";
import { closing } from "./contract/closing.ts";
import { connecting } from "./contract/connecting.ts";
import { exhaustion } from "./contract/exhaustion.ts";
import { failing } from "./contract/failing.ts";
import { flowing } from "./contract/flowing.ts";
import { housekeeping } from "./contract/housekeeping.ts";
import { keepingAlive } from "./contract/keeping-alive.ts";
import { link, SIDES } from "./contract/link.ts";
import { listening } from "./contract/listening.ts";
import { resolving } from "./contract/resolving.ts";
import { reusing } from "./contract/reusing.ts";

/**
 * The promises of `core/runtime.ts`, executed on real loopback sockets. The far end is always node:net, which all three
 * runtimes have; the near end is the adapter, once as the accepting and once as the connecting side.
 */
export function contract(runtime: Runtime): void {
  for (const side of SIDES) {
    describe(`${runtime.name} adapter, ${side} socket`, () => {
      const join = () => link(runtime, side);
      flowing(join);
      reusing(runtime, join);
      closing(runtime.capabilities, join);
      failing(runtime, side, join);
    });
  }
  describe(`${runtime.name} adapter`, () => {
    listening(runtime);
    arriving(runtime);
    connecting(runtime);
    resolving(runtime);
    keepingAlive(runtime);
    housekeeping(runtime);
    exhaustion(runtime);
  });
}
