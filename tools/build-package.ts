// Makes what is published: JavaScript and types of everything that is shipped, with a package.json of its own, because
// Node strips no types inside node_modules.
//
//   npm run build [FOLDER]        into dist/ when left out; `npm pack ./dist` makes the tarball

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { commitOfCheckout } from "../cli/version.ts";
import { manPage } from "./man-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "dist"));
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

/** Beside the code. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE", "docs", "schema/millrace.schema.json"];
const MAN_PAGE = "man/millrace.1";
/** Needed to run sources only. */
const OF_SOURCES = ["tsx"];

rmSync(folder, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", folder], {
  stdio: "inherit",
});
for (const name of DOCUMENTS)
  cpSync(join(root, name), join(folder, name), { recursive: true, filter: (file) => !file.includes("decisions") });
writeFileSync(join(folder, "cli", "commit.js"), `export const builtFrom = ${JSON.stringify(commitOfCheckout())};\n`);
mkdirSync(join(folder, "man"));
writeFileSync(join(folder, MAN_PAGE), manPage());
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const { name, version, description, license, type, engines, bin, dependencies } = manifest;
const needed = Object.entries(dependencies).filter(([dependency]) => !OF_SOURCES.includes(dependency));
const exports = Object.fromEntries(
  Object.entries<string>(manifest.exports).map(([entry, file]) => [entry, entryOf(file)]),
);
const published = { name, version, description, license, type, engines, bin, man: `./${MAN_PAGE}`, exports };
const text = JSON.stringify({ ...published, dependencies: Object.fromEntries(needed) }, null, 2);
writeFileSync(join(folder, "package.json"), `${text}\n`);

function entryOf(file: string): string | { readonly types: string; readonly default: string } {
  if (!file.endsWith(".ts")) return file;
  return { types: file.replace(/\.ts$/, ".d.ts"), default: file.replace(/\.ts$/, ".js") };
}
