import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { maskTarget } from "../../../core/observe/mask-target.ts";

describe("secrets in a target", () => {
  for (const [target, masked] of [
    ["/a?token=abc&b=1", "/a?token=***&b=1"],
    ["/a?x=1&API_KEY=abc", "/a?x=1&API_KEY=***"],
    ["/a?X-Amz-Signature=abc", "/a?X-Amz-Signature=***"],
    ["/a?t%6Fken=abc", "/a?t%6Fken=***"],
    ["/a?code=1?token=2", "/a?code=***"],
    ["/token=abc", "/token=abc"],
    ["/a?%zz=1&sig=2", "/a?%zz=1&sig=***"],
    ["/a?token", "/a?token"],
    ["/a?", "/a?"],
  ] as const) {
    it(`M09: ${target} becomes ${masked}`, () => assert.equal(maskTarget(target), masked));
  }
});
