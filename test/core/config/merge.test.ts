import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { mergeSources } from "../../../core/config/merge.ts";

describe("several files", () => {
  it("append lists and unite maps, in the order of the files", () => {
    const { value, problems } = mergeSources([
      { file: "a", value: { include: "b", routes: [1], upstreams: { x: 1 }, via: true } },
      { file: "b", value: { routes: [2, 3], upstreams: { y: 2 }, limits: { target: 1 }, $schema: "s" } },
    ]);
    assert.deepEqual(value, { routes: [1, 2, 3], upstreams: { x: 1, y: 2 }, via: true, limits: { target: 1 } });
    assert.deepEqual(problems, []);
  });

  it("name both places of what stands in two", () => {
    const { problems } = mergeSources([
      { file: "a", value: { upstreams: { x: 1 }, via: true, limits: { target: 1 } } },
      { file: "b", value: { upstreams: { x: 2 }, via: true, limits: { target: 2, trailers: 1 } } },
    ]);
    assert.deepEqual(
      problems.map(({ place }) => place),
      [
        { file: "b", path: ["upstreams", "x"] },
        { file: "b", path: ["via"] },
        { file: "b", path: ["limits", "target"] },
      ],
    );
    assert.match(problems[0]?.problem.message ?? "", /already set in a \(upstreams\.x\)/);
  });

  it("know where everything came from", () => {
    const { originOf } = mergeSources([
      { file: "a", value: { routes: [{}], upstreams: { x: {} } } },
      { file: "b", value: { routes: [{}, {}], upstreams: { y: {} }, log: { access: true } } },
    ]);
    assert.deepEqual(originOf(["routes", 2, "match"]), { file: "b", path: ["routes", 1, "match"] });
    assert.deepEqual(originOf(["routes", 0]), { file: "a", path: ["routes", 0] });
    assert.deepEqual(originOf(["upstreams", "y", "servers"]), { file: "b", path: ["upstreams", "y", "servers"] });
    assert.deepEqual(originOf(["log", "format"]), { file: "b", path: ["log", "format"] });
    assert.deepEqual(originOf(["listeners"]), { file: "a", path: ["listeners"] });
  });

  it("M10: take `__proto__` for a key like any other", () => {
    const { value } = mergeSources([
      { file: "a", value: JSON.parse('{"upstreams": {"__proto__": {"evil": 1}}, "__proto__": {"evil": 1}}') },
      { file: "b", value: { routes: [] } },
    ]);
    assert.ok(Object.hasOwn(value as object, "__proto__"));
    assert.ok(Object.hasOwn((value as { upstreams: object }).upstreams, "__proto__"));
    assert.equal("evil" in {}, false);
  });

  it("leave a single file as it is", () => {
    const { value, originOf } = mergeSources([{ file: "a", value: "text" }]);
    assert.equal(value, "text");
    assert.deepEqual(originOf(["x"]), { file: "a", path: ["x"] });
  });
});
