import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { FieldEdits } from "../../../core/route/route.ts";
import { problemsOf, request, route, tableOf } from "./definition.ts";

const edits = (more: Partial<FieldEdits>) => ({ set: [], add: [], remove: [], ...more });

describe("field edits", () => {
  it("keep the spelling and compile the values", () => {
    const requestFields = edits({
      set: [{ name: "X-Client", value: "${client.address}" }],
      add: [
        { name: "X-Via", value: "a" },
        { name: "X-Via", value: "b" },
      ],
      remove: ["X-Secret"],
    });
    const [compiled] = tableOf(route("r", {}, { requestFields })).routes;
    assert.ok(compiled !== undefined);
    const { set, add, remove, isEmpty } = compiled.requestEdits;
    assert.deepEqual(
      set.map(({ name, lowerName }) => [name, lowerName]),
      [["X-Client", "x-client"]],
    );
    assert.equal(set[0]?.value.expand(request("/"), { names: [], captures: null }), "192.0.2.1");
    assert.deepEqual(
      add.map(({ value }) => value.isConstant),
      [true, true],
    );
    assert.deepEqual(remove, ["x-secret"]);
    assert.equal(isEmpty, false);
    assert.equal(compiled.responseEdits.isEmpty, true);
  });

  it("leave framing and the connection alone, and say why", () => {
    for (const name of [
      "Content-Length",
      "transfer-encoding",
      "Trailer",
      "Connection",
      "Keep-Alive",
      "TE",
      "Upgrade",
      "Expect",
      "Host",
      "Proxy-Authorization",
      "Content_Length",
      "transfer.encoding",
      "HTTP2_Settings",
    ]) {
      const problems = problemsOf(
        route(
          "r",
          {},
          {
            requestFields: edits({ set: [{ name, value: "x" }], remove: [name] }),
            responseFields: edits({ add: [{ name, value: "x" }] }),
          },
        ),
      );
      assert.equal(problems.length, 3, name);
      assert.match(problems.join("\n"), /^requestFields.remove.0: .*cannot be edited: it .*$/m);
      assert.match(problems.join("\n"), /^responseFields.add.0.name: /m);
    }
  });

  it("refuse names that are no tokens, and wrong values, each with its place", () => {
    for (const name of ["", "X Y", "X:", "X\r\nY", "Größe", "x\u212a"]) {
      assert.match(
        problemsOf(route("r", {}, { requestFields: edits({ set: [{ name, value: "x" }] }) })).join(),
        /^requestFields.set.0.name: /,
      );
    }
    const wrong = edits({
      set: [{ name: "a", value: "${nope}" }],
      add: [
        { name: "b", value: "x" },
        { name: "b", value: "\n" },
      ],
    });
    const problems = problemsOf(route("r", {}, { responseFields: wrong }));
    assert.deepEqual(
      problems.map((text) => text.split(":")[0]),
      ["responseFields.set.0.value", "responseFields.add.1.value"],
    );
  });
});
