// Runs the test files it is given in one process: node --import tsx test/support/several.ts FILE…
// On Deno, which otherwise loads all of core anew for every file: deno test test/support/several.ts -- FILE…

import { relative, resolve } from "node:path";
import process from "node:process";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";

/** How often Deno was given a test. Its reports don't tell whose it is, as those of Node and Bun do (`tally.ts`). */
let registered = 0;
const { Deno: deno } = globalThis as { Deno?: { test: (...args: unknown[]) => void } };
if (deno !== undefined) {
  const { test } = deno;
  const counting = (...args: unknown[]): void => {
    registered++;
    test(...args);
  };
  deno.test = Object.assign(counting, test);
}

for (const file of process.argv.slice(2)) {
  const { href } = pathToFileURL(resolve(file));
  // Within a suite of its own, or what it does before and after every test it would do for the others', too. Deno's suites
  // wait for nothing: files that do something then are not to be given here.
  if (deno !== undefined) await loadOnDeno(file, href);
  else describe(relative("", file), () => import(href));
}

async function loadOnDeno(file: string, href: string): Promise<void> {
  const before = registered;
  await import(href).catch((error) => failLoading(file, error));
  if (registered === before) failLoading(file, new Error(`${file} has no test`));
}

/** Deno loses what a file throws once another has tests, and with it all files behind: it runs what is there, and calls it ok. */
function failLoading(file: string, error: unknown): void {
  it(`${file} can be loaded`, () => {
    throw error;
  });
}
