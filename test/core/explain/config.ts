import { compileConfig } from "../../../core/config/compile.ts";
import type { Snapshot } from "../../../core/exchange/snapshot.ts";

/** One of nearly everything that an explanation can show. */
export const CONFIG = {
  listeners: [":80", { address: ":81", name: "inner" }],
  timeouts: { total: "30s" },
  upstreams: {
    app: {
      servers: [
        { address: "10.0.0.1:80", weight: 2 },
        { address: "10.0.0.2:80", state: "drain" },
        { address: "10.0.0.3:80", backup: true },
      ],
      timeouts: { connect: "1s" },
    },
    named: { servers: ["app.internal:80"] },
  },
  hooks: { onFinish: () => undefined },
  routes: [
    { id: "api", match: { host: "a.example", path: "/api/*" }, upstream: "app", rewrite: { stripPrefix: "/api" } },
    { id: "old", match: { path: "/old/*" }, redirect: { to: "/new", status: 301 } },
    { id: "named", match: { path: "/named" }, upstream: "named", limits: { requestBody: "1KiB" } },
    {
      id: "code",
      match: { path: "/code" },
      target: { run: () => "app", timeout: "200ms", fallback: { upstream: "app" } },
    },
    { id: "inner", match: { listener: "inner", header: { "X-A": "1" }, query: { q: "1" } }, respond: { status: 204 } },
  ],
};

export function snapshotOf(config: object = CONFIG): Snapshot {
  const compiled = compileConfig(config);
  if ("problems" in compiled) throw new Error(JSON.stringify(compiled.problems));
  return compiled.snapshot;
}
