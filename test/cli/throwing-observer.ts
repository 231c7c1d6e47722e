/** A proxy whose observer throws for one path: a defect of ours. For defect.test.ts. */
import process from "node:process";
import { loadRuntime } from "../../adapters/mod.ts";
import { serve } from "../../cli/serve.ts";
import { compileConfig } from "../../core/config/compile.ts";

const config = compileConfig({
  listeners: ["127.0.0.1:0"],
  routes: [{ respond: { status: 200, body: "fine\n" } }],
});
if ("problems" in config) throw new Error(JSON.stringify(config.problems));
const observer = {
  wantsTimes: false,
  onExchange(exchange: { target: string }): void {
    if (exchange.target === "/defect") throw new Error("thrown for the test");
  },
  onNotice(): void {},
};
process.exit(await serve({ runtime: await loadRuntime(), config, observer }));
