import type { Config } from "../../core/config/define.ts";

/** The configurations that vectors and scenarios name; `address` is where the recording upstream listens. */
export function configuration(name: string, listen: string, upstream: string): Config {
  const make = CONFIGURATIONS[name];
  if (make === undefined) throw new Error(`no configuration is called ${name}`);
  return { listeners: [listen], upstreams: { app: { servers: [upstream] } }, ...make };
}

type Part = Omit<Config, "listeners">;

const app = { upstream: "app" };
const deny = { respond: { status: 403, body: "no\n" } };
const nothing = { respond: { status: 404, body: "nothing here\n" } };
/** Canaries must get through whatever the case is about. */
const canary = { match: { path: "/canary" }, upstream: "app" };

const CONFIGURATIONS: Readonly<Record<string, Part>> = {
  plain: { routes: [app] },
  hosts: {
    routes: [{ match: { host: ["a.example", "xn--mnchen-3ya.example"] }, ...app }, canary, nothing],
  },
  paths: {
    routes: [{ match: { path: "/admin/*" }, ...deny }, { match: { path: "/public/*" }, ...app }, canary, nothing],
  },
  trusted: { routes: [app], trustedProxies: ["127.0.0.1", "10.0.0.0/8"] },
  small: { routes: [app], limits: { requestBody: 1000 } },
  redirect: {
    routes: [
      { match: { path: { regex: "^/old/(.*)$" } }, redirect: { to: "/new/$1?${request.query}", status: 308 } },
      canary,
      nothing,
    ],
  },
  sets: { routes: [{ request: { set: { "X-Auth-User": "nobody" } }, ...app }] },
  strip: {
    routes: [
      { match: { path: "/admin/*" }, ...deny },
      { match: { path: "/api/*" }, rewrite: { stripPrefix: "/api" }, ...app },
      { match: { path: { regex: "^/u/(.*)$" } }, rewrite: { path: "/users/$1" }, ...app },
      canary,
      nothing,
    ],
  },
  negated: {
    routes: [
      { match: { path: "/neg/*", not: { path: "/neg/open" } }, ...deny },
      { match: { path: "/neg/open" }, ...app },
      { match: { path: "/host", not: { host: ["a", "good.example"] } }, ...deny },
      { match: { path: "/host" }, ...app },
      canary,
      nothing,
    ],
  },
};
