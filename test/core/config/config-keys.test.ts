import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "@std/testing/bdd";
import type * as v from "valibot";
import type { ConfigKeys } from "../../../core/config/config-keys.ts";
import type { ConfigSchema } from "../../../core/config/schema.ts";
import { renderConfigKeys } from "../../../schema/config-keys.ts";

type Inferred = v.InferInput<typeof ConfigSchema>;
type Upstream = NonNullable<ConfigKeys["upstreams"]>[string];
type InferredUpstream = NonNullable<Inferred["upstreams"]>[string];

describe("the types of configurations", () => {
  const text = readFileSync(new URL("../../../core/config/config-keys.ts", import.meta.url), "utf8");

  it("are those of the schema (npm run schema)", () => {
    assert.equal(text, renderConfigKeys());
  });

  it("are what the schema takes, and nothing that it takes is missing", () => {
    const taken: Inferred = {} as ConfigKeys;
    // Of `retries.on` the schema takes anything, to refuse it in its own words.
    const written: Omit<ConfigKeys, "upstreams"> = {} as Omit<Inferred, "upstreams">;
    const upstream: Omit<Upstream, "retries"> = {} as Omit<InferredUpstream, "retries">;
    assert.deepEqual([taken, written, upstream], [{}, {}, {}]);
    const on: NonNullable<Upstream["retries"]>["on"][] = ["connect", 502, ["timeout", 503]];
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
