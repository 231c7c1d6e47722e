// The bound of V8's young generation, in processes of their own: it holds for a whole process.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";
import { describe, it } from "@std/testing/bdd";
import { executableOf, projectRoot, runtimeUnderTest, scriptOptions } from "../support/runtime-command.ts";

/** Some survive each millisecond, as answers under way do. */
const SURVIVING = `
  for (let round = 0; round < 2_500; round++) {
    for (let i = 0; i < 1_500; i++) held.push({ i, numbers: [i, i] });
    if (held.length > 20_000) held = held.slice(15_000);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
`;
/** As V8 does of itself in a quiet time. */
const SHRINKING = 'gc({ type: "major", flavor: "last-resort" });';
const BOUNDED = `
  import { boundYoungGeneration } from "./cli/young-generation.ts";
  boundYoungGeneration();
`;

/** How large the young generation is behind `steps`. */
async function youngMiB(steps: string, ...options: string[]): Promise<number> {
  const runtime = runtimeUnderTest();
  const program = `
    import { getHeapSpaceStatistics } from "node:v8";
    let held = [];
    ${steps}
    console.log(getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size / 2 ** 20);
  `;
  const args = [...scriptOptions(runtime), ...options, "--input-type=module", "--eval", program];
  return Number((await promisify(execFile)(executableOf(runtime), args, { cwd: projectRoot })).stdout);
}

/** V8 of Node 20 goes no further than 32 MiB by itself. */
const isGrowing = runtimeUnderTest().startsWith("node") && Number.parseInt(process.versions.node, 10) >= 24;

describe("the young generation of Node", { ignore: !isGrowing }, () => {
  it("stops growing at its bound, unless somebody has asked for another size", async () => {
    const [free = 0, bounded = 0, ...asked] = await Promise.all([
      youngMiB(SURVIVING),
      youngMiB(BOUNDED + SURVIVING),
      youngMiB(BOUNDED + SURVIVING, "--max-semi-space-size=32"),
      youngMiB(BOUNDED + SURVIVING, "--max_semi_space_size=32"),
    ]);
    assert.ok(free > 32, `V8 alone went to ${free} MiB only: too little survives for a test`);
    assert.ok(bounded >= 16 && bounded <= 32, `${bounded} MiB`);
    assert.deepEqual(asked, [64, 64]);
  });

  it("grows up to its bound again after V8 has made it small", async () => {
    const loaded = BOUNDED + SURVIVING + SHRINKING;
    const [shrunk = 0, again = 0] = await Promise.all([
      youngMiB(loaded, "--expose-gc"),
      youngMiB(loaded + SURVIVING, "--expose-gc"),
    ]);
    assert.ok(shrunk < 16, `V8 has left it at ${shrunk} MiB`);
    assert.ok(again >= 16 && again <= 32, `${again} MiB`);
  });
});
