// The bound of V8's young generation, in processes of their own: it holds for a whole process.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { describe, it } from "@std/testing/bdd";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";

/** Some survive each millisecond, as answers under way do. Prints how large the young generation became, in MiB. */
const SURVIVING = `
  import { getHeapSpaceStatistics } from "node:v8";
  let held = [];
  for (let round = 0; round < 2_500; round++) {
    for (let i = 0; i < 1_500; i++) held.push({ i, numbers: [i, i] });
    if (held.length > 20_000) held = held.slice(15_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size / 2 ** 20);
`;
const BOUNDED = `
  import { boundYoungGeneration } from "./cli/young-generation.ts";
  boundYoungGeneration();
`;

async function youngMiB(program: string, ...options: string[]): Promise<number> {
  const runtime = runtimeUnderTest();
  const args = [...scriptOptions(runtime), ...options, "--input-type=module", "--eval", program];
  return Number((await promisify(execFile)(executableOf(runtime), args, { cwd: projectRoot })).stdout);
}

/** V8 of Node 20 goes no further than 32 MiB by itself. */
const isGrowing = runtimeUnderTest().startsWith("node") && Number.parseInt(process.versions.node, 10) >= 24;

describe("the young generation of Node", { ignore: !isGrowing }, () => {
  it("stops growing at its bound, unless somebody has asked for another size", async () => {
    const [free = 0, bounded = 0, asked = 0] = await Promise.all([
      youngMiB(SURVIVING),
      youngMiB(BOUNDED + SURVIVING),
      youngMiB(BOUNDED + SURVIVING, "--max-semi-space-size=32"),
    ]);
    assert.ok(free > 32, `V8 alone went to ${free} MiB only: too little survives for a test`);
    assert.ok(bounded >= 16 && bounded <= 32, `${bounded} MiB`);
    assert.equal(asked, 64);
  });
});
