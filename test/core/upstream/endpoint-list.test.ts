import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { ServerDefinition } from "../../../core/upstream/definition.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import { endpointList } from "../../../core/upstream/endpoint-list.ts";
import { serverOf } from "./definitions.ts";

describe("the endpoints of a list", () => {
  it("are the known ones of the same addresses, each once, in the order of the list", () => {
    const named = (key: string, name: string) => ({ key, name }) as unknown as Endpoint;
    const known = [named("10.0.0.1\u00001", "one"), named("10.0.0.1\u00002", "two"), named("10.0.0.1\u00002", "three")];
    const servers = [2, 3, 2, 2].map((port) => serverOf(`10.0.0.1:${port}`));
    const join = ({ label }: ServerDefinition) => named("", `new ${label}`);
    const list = endpointList(servers, known, join) as unknown as { name: string }[];
    assert.deepEqual(
      list.map(({ name }) => name),
      ["two", "new 10.0.0.1:3", "three", "new 10.0.0.1:2"],
    );
  });
});
