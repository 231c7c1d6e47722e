/** The files a program imports from beside it, as far as its text tells: to be watched together with it. */

import { dirname, resolve } from "node:path";
import { fileVersion } from "./file-version.ts";
import { readTextFile } from "./read-text-file.ts";

const FILES_MAX = 100;
/** `import … from "./x.ts"`, `export … from`, `import "./x.ts"`, `import("./x.ts")`. */
const RELATIVE_IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"'\n]+)["']/g;

/** Adds them, and what they import, to `files`, which holds `file` already. */
export async function addImports(file: string, text: string, files: Map<string, string>): Promise<void> {
  for (const [, specifier = ""] of text.matchAll(RELATIVE_IMPORT)) {
    const imported = resolve(dirname(file), specifier);
    if (files.has(imported) || files.size >= FILES_MAX) continue;
    files.set(imported, await fileVersion(imported));
    const inner = await readTextFile(imported);
    if (typeof inner === "string") await addImports(imported, inner, files);
  }
}
