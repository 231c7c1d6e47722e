// Makes what is published: JavaScript and types of everything that is shipped, with a package.json of its own, because
// Node strips no types inside node_modules. The JavaScript is a few files that entries share, with the packages it needs
// in it: Node 20 has a proxy listening after 250 ms of CPU time, where some 500 files take 580.
//
//   npm run build [FOLDER]        into dist/ when left out; `npm pack ./dist` makes the tarball

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { commit } from "./compile/bundle.ts";
import { manPage } from "./man-page.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = resolve(process.argv[2] ?? join(root, "dist"));
const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");

/** Beside the code. */
const DOCUMENTS = ["README.md", "CHANGELOG.md", "LICENSE", "docs", "schema/millrace.schema.json"];
/** Why something is as it is, for those who have the sources. */
const LEFT_OUT = join(root, "docs", "decisions");
const MAN_PAGE = "man/millrace.1";
const LICENSES = "THIRD-PARTY-LICENSES";
/** Not in the files: esbuild is a program, and has a binary beside it. */
const APART = ["esbuild"];
/** For CommonJS packages. No import, because `millrace/core` is for runtimes without Node's modules, too. */
const BANNER = 'const require = globalThis.process?.getBuiltinModule?.("node:module").createRequire(import.meta.url);';
/** Needed to run sources only. */
const OF_SOURCES = ["tsx"];
/** Beside the exports, what is started. */
const STARTED = ["cli/millrace.js", "cli/config-reader.js"];

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

rmSync(folder, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json"), "--outDir", folder], {
  stdio: "inherit",
});
writeFileSync(join(folder, LICENSES), licensesOf(await bundle()));
for (const name of DOCUMENTS)
  cpSync(join(root, name), join(folder, name), { recursive: true, filter: (file) => file !== LEFT_OUT });
for (const name of readdirSync(folder, { recursive: true })
  .map(String)
  .filter((each) => each.endsWith(".md")))
  cutLinks(join(folder, name));
mkdirSync(join(folder, "man"));
writeFileSync(join(folder, MAN_PAGE), manPage());
const { name, version, description, license, type, engines, bin } = manifest;
const needed = APART.map((dependency) => [dependency, manifest.dependencies[dependency]]);
const exports = Object.fromEntries(
  Object.entries<string>(manifest.exports).map(([entry, file]) => [entry, entryOf(file)]),
);
const published = { name, version, description, license, type, engines, bin, man: [`./${MAN_PAGE}`], exports };
const text = JSON.stringify({ ...published, dependencies: Object.fromEntries(needed) }, null, 2);
writeFileSync(join(folder, "package.json"), `${text}\n`);

function entryOf(file: string): string | { readonly types: string; readonly default: string } {
  if (!file.endsWith(".ts")) return file;
  return { types: file.replace(/\.ts$/, ".d.ts"), default: file.replace(/\.ts$/, ".js") };
}

/** Links to what a checkout has, and the package has not, become plain text. */
function cutLinks(document: string): void {
  const whole = readFileSync(document, "utf8");
  const leadsSomewhere = (path: string) => /^https?:/.test(path) || existsSync(join(dirname(document), path));
  const cut = whole.replaceAll(/\[([^[\]]*)\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g, (link, words: string, path: string) =>
    leadsSomewhere(path) ? link : words,
  );
  writeFileSync(document, cut);
}

/** Answers the files it was made of. */
async function bundle(): Promise<readonly string[]> {
  const entries = [...STARTED, ...Object.values<string>(manifest.exports).filter((file) => file.endsWith(".ts"))];
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: entries,
    outdir: folder,
    outbase: root,
    // All entries share one instance of each module: a configuration's `millrace` is that of the program.
    bundle: true,
    splitting: true,
    chunkNames: "parts/[name]-[hash]",
    external: [...APART, ...OF_SOURCES],
    format: "esm",
    platform: "node",
    target: "es2023",
    // Files of packages are known by their path, also where the folder of packages is a link to that of another checkout.
    preserveSymlinks: true,
    metafile: true,
    logLevel: "warning",
    ...(commit !== undefined && { define: { MILLRACE_COMMIT: commit } }),
    banner: { js: BANNER },
  });
  return Object.keys(metafile.inputs);
}

/** Of each package that is in the files, what it asks to be kept with it. */
function licensesOf(files: readonly string[]): string {
  const packages = new Set(files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []));
  const texts = [...packages].sort().map((dependency) => {
    const at = join(root, "node_modules", dependency);
    const { version, license } = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
    const file = readdirSync(at).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${dependency} comes without the text of its license`);
    return `${dependency} ${version} (${license})\n\n${readFileSync(join(at, file), "utf8").trim()}\n`;
  });
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}
