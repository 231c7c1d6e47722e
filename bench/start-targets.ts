/** Starts the origin and the targets, each on its core, and waits until they answer. */

import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { Cores } from "./cores.ts";
import { pathOf } from "./installed.ts";
import { PATHS, writeOriginConfig } from "./nginx.ts";
import { answers, freePort } from "./port.ts";
import type { Target } from "./targets.ts";

export interface StartedTarget {
  readonly name: string;
  readonly target: Target;
  readonly child: Child;
  readonly port: number;
}

export async function startOrigin(folder: string, cores: Cores): Promise<number> {
  const port = await freePort();
  const command = [pathOf("nginx") as string, ...writeOriginConfig(join(folder, "origin"), port)];
  const child = startChild({ name: "origin", command, core: cores.load });
  await answers(child, port, PATHS.small);
  return port;
}

export async function startTarget(
  target: Target,
  originPort: number,
  cores: Cores,
  folder: string,
): Promise<StartedTarget> {
  const port = await freePort();
  const command = target.command({ listen: port, origin: originPort }, join(folder, target.name));
  const child = startChild({ name: target.name, command, core: cores.proxy, directory: folder });
  await answers(child, port, PATHS.small);
  return { name: target.name, target, child, port };
}
