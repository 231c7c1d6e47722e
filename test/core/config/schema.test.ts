import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import * as v from "valibot";
import { BALANCERS } from "../../../core/balance/registry.ts";
import { ConfigSchema } from "../../../core/config/schema.ts";
import { renderJsonSchema } from "../../../schema/json-schema.ts";
import { withReference } from "../../../schema/reference.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
const minimal = { listeners: [":80"], upstreams: { app: { servers: ["a:1"] } }, routes: [{ upstream: "app" }] };
const accepts = (config: unknown) => v.safeParse(ConfigSchema, config).success;

describe("the schema of a configuration", () => {
  it("offers the balancers there are", () => {
    const balancing = (balance: string) => accepts({ ...minimal, upstreams: { app: { servers: ["a:1"], balance } } });
    for (const name of Object.keys(BALANCERS)) assert.ok(balancing(name), name);
    assert.ok(!balancing("luck"));
  });

  it("is what editors are told: schema/millrace.schema.json is up to date (npm run schema)", () => {
    assert.equal(read("schema/millrace.schema.json"), renderJsonSchema());
  });

  it("is valid for editors: each bound is a number, and a load may be bounded by 1.25", () => {
    const text = renderJsonSchema();
    assert.doesNotMatch(text, /"(minimum|maximum)": null/);
    const [, boundedLoad = ""] = /"boundedLoad": ([\s\S]*?)"description"/.exec(text) ?? [];
    assert.match(boundedLoad, /"type": "number",\s+"minimum": 1,\s+"maximum": 100\n/);
  });

  it("is what the reference says: docs/configuration.md is up to date (npm run schema)", () => {
    const page = read("docs/configuration.md");
    assert.equal(page, withReference(page));
    // With the bounds of what is bounded.
    assert.match(page, /\| `weight` \| number, 1 to 1000 \|/);
    assert.match(page, /\| `priority` \| number, at most 127 \|/);
    assert.match(page, /\| `target` \| size, 64B to 1MiB \|/);
    assert.match(page, /\| `queue` \| number \|/);
  });

  it("takes text and maps for listeners and servers", () => {
    assert.ok(accepts({ ...minimal, listeners: [{ address: ":80", name: "a", reusePort: true }] }));
    assert.ok(
      accepts({ ...minimal, upstreams: { app: { servers: [{ address: "a:1", weight: 1000, maxConnections: 5 }] } } }),
    );
    assert.ok(!accepts({ ...minimal, upstreams: { app: { servers: [{ address: "a:1", weight: 1001 }] } } }));
    assert.ok(!accepts({ ...minimal, trustedProxies: ["everybody"] }));
    assert.ok(accepts({ ...minimal, trustedProxies: ["unix", "10.0.0.0/8"] }));
  });

  it("has an example of every kind of file", () => {
    const names = readdirSync(new URL("../../../examples", import.meta.url));
    for (const ending of [".yaml", ".json", ".ts"])
      assert.ok(
        names.some((name) => name.endsWith(ending)),
        ending,
      );
  });
});
