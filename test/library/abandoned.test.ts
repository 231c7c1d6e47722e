import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { abandon } from "./abandoned.ts";

describe("requests and sockets that either side leaves", () => {
  it("leave no connection and no descriptor", async () => {
    const { connections, descriptorsBefore, descriptorsAfter } = await abandon(280);
    assert.equal(connections, 0);
    assert.ok(descriptorsAfter <= descriptorsBefore + 2, `${descriptorsBefore} descriptors, then ${descriptorsAfter}`);
  });
});
