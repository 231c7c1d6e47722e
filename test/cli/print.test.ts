import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { plural, printProblem, printProblems, printTable, printWarnings } from "../../cli/print.ts";

describe("what is printed", () => {
  it("is file:line:column: path: message", () => {
    const problem = { file: "a.yaml", position: { line: 3, column: 7 }, path: "routes[0]", message: "does nothing" };
    assert.equal(printProblem(problem), "a.yaml:3:7: routes[0]: does nothing");
    assert.equal(printProblem({ ...problem, position: null, path: "" }), "a.yaml: does nothing");
  });

  it("M08: holds no control characters", () => {
    const evil = "a\u001b[31m\nb";
    const line = printProblem({ file: evil, position: null, path: evil, message: evil });
    assert.equal(/[^\x20-\x7e]/.test(line), false);
    assert.equal(/[^\x20-\x7e]/.test(printTable(["A"], [[evil]]).join("")), false);
  });

  it("leaves other letters than those of ASCII as they are, and the quotes around them", () => {
    const problem = { file: "größe.yaml", position: null, path: "routes[0]", message: '"mün chen": not a host name' };
    assert.equal(printProblem(problem), 'größe.yaml: routes[0]: "mün chen": not a host name');
    assert.equal(
      printProblem({ ...problem, message: "\u202e\u009b\ufeffé\t\u00a0" }).split(": ")[2],
      "\\u202e\\u009b\\ufeffé\\t\\u00a0",
    );
  });

  it("ends at some time", () => {
    const problems = Array.from({ length: 60 }, () => ({ file: "a", position: null, path: "", message: "m" }));
    assert.equal(printProblems(problems).length, 51);
    assert.equal(printProblems(problems).at(-1), "… and 10 more");
    assert.deepEqual(printWarnings(problems.slice(0, 50)), Array(50).fill("a: m (warning)"));
    assert.deepEqual(printWarnings(problems).slice(49), ["a: m (warning)", "… and 10 more warnings"]);
  });

  it("may have more rows than a call has arguments", () => {
    const rows = Array.from({ length: 200_000 }, () => ["a"]);
    assert.equal(printTable(["A"], rows).length, 200_001);
  });

  it("stands in columns", () => {
    assert.deepEqual(
      printTable(
        ["A", "LONG"],
        [
          ["abc", "x"],
          ["b", ""],
        ],
      ),
      ["  A    LONG", "  abc  x", "  b"],
    );
    assert.deepEqual([plural(1, "route"), plural(2, "route")], ["1 route", "2 routes"]);
  });
});
