/** Configurations of Millrace beyond "everything to one server", as the text of a module. */

import type { Setup } from "./cases.ts";
import { ROUTE_HOSTS, ROUTE_PATHS } from "./many-routes.ts";
import { PATHS } from "./nginx.ts";

const ROUTES: Readonly<Record<Exclude<Setup, "plain">, string>> = {
  // The last one in the list is the one that is asked for.
  routes: `Array.from({ length: ${ROUTE_HOSTS * ROUTE_PATHS} }, (_, i) => ({
    match: { host: "host" + Math.floor(i / ${ROUTE_PATHS}) + ".bench", path: "${PATHS.route}" + (i % ${ROUTE_PATHS}) + "/*" },
    upstream: "origin",
  })).concat([{ match: { path: "${PATHS.small}" }, upstream: "origin" }])`,
  hook: `[{ upstream: "origin", hooks: { onRequest: (request) => (request.method === "TRACE" ? "nobody" : undefined) } }]`,
};

export function configModule(setup: Exclude<Setup, "plain">, listenPort: number, originPort: number): string {
  return `export default {
  listeners: ["127.0.0.1:${listenPort}"],
  upstreams: { origin: { servers: ["127.0.0.1:${originPort}"] } },
  routes: ${ROUTES[setup]},
  log: { access: false },
};
`;
}
