// Test files → one program for Node 20, which runs no TypeScript: tsx would compile, resolve and load some 500 files anew
// for each of a hundred processes, about 1.5 s of CPU time each.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { projectRoot } from "./runtime-command.ts";

/** Programs of their own; everything else that we depend on is in the bundle. */
const APART = ["esbuild", "tsx"];
/** For CommonJS packages; by a name that nothing else has. */
const BANNER = 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);';
/** What stands for `import.meta` in each file. */
const META = "metaOfThisFile";

const { dependencies } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
const inside = [...Object.keys(dependencies).filter((name) => !APART.includes(name)), "millrace", "@std/testing"];

/** Into a folder of the project, where packages are found; answers the file to run. */
export async function bundleTests(files: readonly string[], folder: string): Promise<string> {
  await build({
    ...forNode20,
    stdin: { contents: entryOf(files), resolveDir: projectRoot, sourcefile: "tests.js" },
    outdir: folder,
    entryNames: "tests",
    // Otherwise what `import()` loads would be wrapped in functions, and with it all it needs.
    splitting: true,
    banner: { js: BANNER },
    plugins: [knowsPlaces, leavesPackages],
  });
  return join(folder, "tests.mjs");
}

/** Each within a suite of its own, or what it does before and after every test it would do for the others', too. */
function entryOf(files: readonly string[]): string {
  if (files.length === 1) return `import ${JSON.stringify(files[0])};`;
  const suites = files.map((file) => `describe(${JSON.stringify(file)}, () => import(${JSON.stringify(file)}));`);
  return `import { describe } from "node:test";\n${suites.join("\n")}`;
}

/** A file that asks where it is hears where its source is. */
const knowsPlaces: Plugin = {
  name: "knows-places",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, "utf8");
      if (!source.includes("import.meta") || path.includes("node_modules")) return null;
      const meta = { url: pathToFileURL(path).href, filename: path, dirname: dirname(path) };
      // On the first line, so that no line moves.
      return { contents: `const ${META} = ${JSON.stringify(meta)};${source}`, loader: "ts" };
    });
  },
};

/** What any of our files becomes for it. */
export const forNode20: BuildOptions = {
  absWorkingDir: projectRoot,
  bundle: true,
  format: "esm",
  outExtension: { ".js": ".mjs" },
  platform: "node",
  target: "node20",
  // As tsx does it: some tests look at names of functions.
  keepNames: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: "silent",
  define: { "import.meta": META },
  plugins: [knowsPlaces],
};

const leavesPackages: Plugin = {
  name: "leaves-packages",
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === "entry-point" || inside.some((name) => path === name || path.startsWith(`${name}/`))) return null;
      return { external: true };
    });
  },
};
