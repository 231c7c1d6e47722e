import type { Scenario } from "../scenario.ts";
import { clients } from "./clients.ts";
import { drain } from "./drain.ts";
import { machine } from "./machine.ts";
import { messages } from "./messages.ts";
import { oneOfThree } from "./one-of-three.ts";
import { reload } from "./reload.ts";
import { stale } from "./stale.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...oneOfThree,
  ...messages,
  ...stale,
  ...reload,
  ...drain,
  ...clients,
  ...machine,
];
