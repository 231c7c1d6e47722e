// Runs the test files it is given in one process: node --import tsx test/support/several.ts FILE…

import { relative, resolve } from "node:path";
import process from "node:process";
import { describe } from "node:test";
import { pathToFileURL } from "node:url";

// Each within a suite of its own, or what it does before and after every test it would do for the others', too.
for (const file of process.argv.slice(2)) {
  describe(relative("", file), () => import(pathToFileURL(resolve(file)).href));
}
