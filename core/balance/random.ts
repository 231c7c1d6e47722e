/** By lot, with chances by weight. */

import type { Balancer, BalancerTools } from "./balancer.ts";
import { WeightedDraw } from "./weighted-draw.ts";

export function createRandom(tools: BalancerTools): Balancer {
  const lot = new WeightedDraw(tools.random);
  return { wantsLatency: false, choose: (choice) => lot.draw(choice), commit() {}, observe() {} };
}
