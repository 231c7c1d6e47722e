#!/usr/bin/env node
// What an installed `millrace` starts. Bun and newer Node run the sources as they are; for older Node tsx is registered
// before the first TypeScript module is loaded. Node strips no types inside node_modules, so there too. Deno doesn't
// either, and has no tsx: it runs cli/main.ts from a checkout.

const runsTypeScript = "Deno" in globalThis || "Bun" in globalThis;
const stripsTypes = Boolean(globalThis.process?.features?.typescript) && !import.meta.url.includes("/node_modules/");

if (!runsTypeScript && !stripsTypes) await import("tsx");
await import("./main.ts");
