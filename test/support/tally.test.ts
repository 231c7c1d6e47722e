import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { filesWithoutTest, tallyFromJunit } from "./tally.ts";

describe("tally: tests of a JUnit report", () => {
  it("counts what Node and Bun nest", () => {
    const xml = `<testsuites><testsuite name="a"><testcase name="one" time="0"/>
      <testcase name="two"><skipped type="skipped"/></testcase>
      <testsuite name="b"><testcase name="x > y" failure="no"><failure message="m">text</failure></testcase></testsuite>
      </testsuite><testcase name="three" /></testsuites>`;
    assert.deepEqual(tallyFromJunit(xml), { passed: 2, failed: 1, skipped: 1 });
  });

  it("leaves out the suites that Deno lists as cases", () => {
    const xml = `<testsuite><testcase name="a" line="1"><failure message="1 test step failed"/></testcase>
      <testcase name="a &gt; b"></testcase>
      <testcase name="a &gt; b &gt; one"></testcase>
      <testcase name="a &gt; two"><failure>&lt;skipped/&gt;</failure></testcase>
      <testcase name="c"><skipped/></testcase></testsuite>`;
    assert.deepEqual(tallyFromJunit(xml), { passed: 1, failed: 1, skipped: 1 });
  });

  it("finds nothing in an empty or cut report", () => {
    assert.deepEqual(tallyFromJunit(""), { passed: 0, failed: 0, skipped: 0 });
    assert.deepEqual(tallyFromJunit('<testcase name="a"><fail'), { passed: 1, failed: 0, skipped: 0 });
  });
});

describe("tally: files without a test among several in one process", () => {
  const files = ["./test/a.test.ts", "./test/b.test.ts"];

  it("are suites that Node reports as tests", () => {
    const one = '<testsuite name="test/a.test.ts" tests="1"><testcase name="one" file="/x/bdd.ts"/></testsuite>';
    for (const name of ["test/b.test.ts", "./test/b.test.ts"])
      assert.deepEqual(filesWithoutTest(`${one}<testcase name="${name}" classname="test"/>`, files), [files[1]]);
    assert.deepEqual(filesWithoutTest(one.replace("a.test", "b.test") + one, files), []);
  });

  it("are left out by Bun", () => {
    const of = (file: string) =>
      `<testsuite name="${file}" file="${file}" tests="1"><testcase name="one" file="${file}"/></testsuite>`;
    assert.deepEqual(filesWithoutTest(of("test/a.test.ts"), files), [files[1]]);
    assert.deepEqual(filesWithoutTest(of("test/a.test.ts") + of("test/b.test.ts"), files), []);
  });
});
