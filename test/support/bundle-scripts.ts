// Scripts that end-to-end tests start on Node 20, which runs no TypeScript → programs for it, once for all files of a run:
// tsx would compile and resolve them anew for each of a hundred processes, half a second of CPU time each.

import { join } from "node:path";
import { build } from "esbuild";
import { forNode20 } from "./bundle-tests.ts";
import { projectRoot } from "./runtime-command.ts";

/** What `nodeScript` (test/e2e/backend.ts) is asked for. One that is not here runs by tsx. */
const SCRIPTS = [
  "test/chaos/run.ts",
  "test/e2e/browser-client.ts",
  "test/e2e/git-server.ts",
  "test/e2e/node-backend.ts",
  "test/e2e/registry-server.ts",
  "test/e2e/websocket-client.ts",
];

/** Into a folder of the project, where packages are found; each lies there as it does in the project. */
export async function bundleScripts(folder: string): Promise<void> {
  await build({
    ...forNode20,
    entryPoints: SCRIPTS.map((path) => join(projectRoot, path)),
    outdir: folder,
    outbase: projectRoot,
    packages: "external",
  });
}
