// A shop: a site, an API whose customers live in different places, and an old name that redirects.

import { defineConfig } from "millrace";
import { customers } from "./customers.ts";

export default defineConfig({
  listeners: [":8080"],
  upstreams: {
    web: { servers: ["10.0.0.1:80", "10.0.0.2:80"] },
    api: {
      servers: ["10.0.1.1:80", "10.0.1.2:80"],
      balance: "round-robin",
      retries: { attempts: 1 },
      sticky: { cookie: "place", secret: "only an example, thirty-two characters" },
    },
    archive: { servers: ["archive.internal:8080"] },
  },
  routes: [
    {
      id: "old-name",
      match: { host: "old.example" },
      redirect: { to: "https://shop.example${request.path}", status: 301 },
    },
    {
      id: "admin",
      match: { host: "shop.example", path: "/admin/*", not: { client: "10.0.0.0/8" } },
      respond: { status: 403 },
    },
    { id: "api", match: { host: "shop.example", path: "/api/*" }, rewrite: { stripPrefix: "/api" }, upstream: "api" },
    {
      id: "customers",
      match: { host: "*.customers.example" },
      upstream: "web",
      hooks: {
        // Where a customer's shop is kept is in a database. When that is down, the site is good enough.
        decide: {
          run: async (request) => (await customers.find(request.host))?.upstream ?? { upstream: "web" },
          timeout: "200ms",
          fallback: { upstream: "web" },
        },
      },
    },
    { id: "site", match: { host: "shop.example" }, upstream: "web" },
    { id: "nobody", respond: { status: 404 } },
  ],
});
