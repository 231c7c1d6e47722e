// A configuration that is made: one upstream and one route per tenant.
import { defineConfig } from "millrace";

const tenants = ["red", "green", "blue"];

export default defineConfig(() => ({
  listeners: ["127.0.0.1:8080"],
  upstreams: Object.fromEntries(
    tenants.map((tenant, index) => [
      tenant,
      { servers: [`127.0.0.1:${9201 + index}`], balance: "least-busy" as const },
    ]),
  ),
  routes: [
    ...tenants.map((tenant) => ({ id: tenant, match: { host: `${tenant}.example.com` }, upstream: tenant })),
    { id: "nobody", respond: { status: 404, body: "no such tenant\n" } },
  ],
}));
