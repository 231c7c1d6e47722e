/** So many requests through the core and nothing else, to be counted from outside: see `instructions.ts`. */
import process from "node:process";
import { startFakeProxy } from "./fake-proxy.ts";

const { exchange } = await startFakeProxy([{ upstream: "app" }]);
for (let left = Number(process.argv[2]); left > 0; left--) exchange();
process.exit(0);
