import type { Scenario } from "../scenario.ts";
import { oneOfThree } from "./one-of-three.ts";

export const SCENARIOS: readonly Scenario[] = [...oneOfThree];
