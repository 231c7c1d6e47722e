#!/usr/bin/env node
// What an installed `millrace` starts: JavaScript all of it (`tools/build-package.ts`). In a checkout Bun, Deno and newer
// Node run the sources as they are; for older Node tsx is registered before the first TypeScript module is loaded.

import { existsSync } from "node:fs";

const runsTypeScript = "Deno" in globalThis || "Bun" in globalThis;
const isBuilt = !existsSync(new URL("main.ts", import.meta.url));
const stripsTypes = Boolean(globalThis.process?.features?.typescript);

if (!isBuilt && !runsTypeScript && !stripsTypes) await import("tsx");
await import("./main.ts");
