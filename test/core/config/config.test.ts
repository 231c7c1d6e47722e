import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import type * as v from "valibot";
import type { Config, RouteCommonConfig, UpstreamConfig } from "../../../core/config/config.ts";
import type { ConfigSchema } from "../../../core/config/schema.ts";
import { renderConfigTypes } from "../../../schema/config-types.ts";

type Inferred = v.InferInput<typeof ConfigSchema>;
type InferredRoute = Inferred["routes"][number];
type InferredUpstream = NonNullable<Inferred["upstreams"]>[string];

describe("the types of configurations", () => {
  const text = readFileSync(new URL("../../../core/config/config.ts", import.meta.url), "utf8");

  it("are those of the schema (npm run schema)", () => {
    assert.equal(text, renderConfigTypes());
  });

  it("are what the schema takes, and nothing that it takes is missing", () => {
    const taken: Inferred = {} as Config;
    const config: Omit<Config, "upstreams" | "routes"> = {} as Omit<Inferred, "upstreams" | "routes">;
    // Which keys exclude each other the schema leaves to `cross-checks.ts`, and what no reason is to its own words.
    const route: Omit<RouteCommonConfig, "rewrite"> = {} as Omit<InferredRoute, "rewrite">;
    const upstream: Omit<UpstreamConfig, "retries"> = {} as Omit<InferredUpstream, "retries">;
    assert.deepEqual([taken, config, route, upstream], [{}, {}, {}, {}]);
    const on: NonNullable<UpstreamConfig["retries"]>["on"][] = ["connect", 502, ["timeout", 503]];
    // @ts-expect-error not a reason
    on.push("connected");
  });

  it("say at each key what the reference says", () => {
    const [, retries = ""] = /^export interface RetriesConfig \{\n(.*?)^\}/ms.exec(text) ?? [];
    assert.match(retries, /^ {2}\/\*\*\n {3}\* Further tries of a request, .* \(number, at most 10; default `1`\)\n/);
    for (const line of text.split("\n")) assert.ok(line.length <= 120, line);
    const keys = text.match(/^ {2}[$\w]+\??:/gm) ?? [];
    const comments = text.match(/^ {2}\/\*\*/gm) ?? [];
    assert.equal(comments.length, keys.length);
  });
});
