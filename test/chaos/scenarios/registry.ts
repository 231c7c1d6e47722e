import type { Scenario } from "../scenario.ts";
import { allDown } from "./all-down.ts";
import { clients } from "./clients.ts";
import { drain } from "./drain.ts";
import { machine } from "./machine.ts";
import { messages } from "./messages.ts";
import { oneOfThree } from "./one-of-three.ts";
import { overload } from "./overload.ts";
import { reload } from "./reload.ts";
import { stale } from "./stale.ts";
import { together } from "./together.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...oneOfThree,
  ...allDown,
  ...messages,
  ...stale,
  ...reload,
  ...drain,
  ...clients,
  ...overload,
  ...machine,
  ...together,
];
