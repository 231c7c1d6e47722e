/** Runs a bundle. What it exports is all that keeps it: when that is let go, the code is, too. */

import { runInThisContext } from "node:vm";
import { type Bundle, IMPORTS } from "./bundle-program.ts";
import type { Sources } from "./sources.ts";

export type Exports = Readonly<Record<string, unknown>>;

/** esbuild writes all exports of a bundle in one clause at its end. */
const CLAUSE = /\nexport \{([^}]*)\};?\s*$/;
/** Of a program that is CommonJS. */
const DEFAULT = /\nexport default ([\w$]+\(\));?\s*$/;

/** Throws what the program throws. */
export async function evaluateBundle(bundle: Bundle, sources: Sources): Promise<Exports> {
  const name = sources.nameOf(bundle);
  const code = returning(bundle.code);
  // On one line with its first, so that lines are those of the source map.
  const run: (imports: readonly unknown[]) => Promise<Exports> = runInThisContext(
    `(async (${IMPORTS}) => { "use strict"; ${code}\n})`,
    { filename: name },
  );
  const exports = await run(bundle.imports);
  sources.remember(bundle, exports);
  return exports;
}

function returning(code: string): string {
  const clause = CLAUSE.exec(code);
  if (clause !== null) return `${code.slice(0, clause.index)}\nreturn { ${exportsOf(clause[1] ?? "")} };`;
  const only = DEFAULT.exec(code);
  if (only !== null) return `${code.slice(0, only.index)}\nreturn { default: ${only[1]} };`;
  return `${code}\nreturn {};`;
}

/** `a as default, b` → `"default": a, "b": b` */
function exportsOf(clause: string): string {
  return clause
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "")
    .map((each) => {
      const [local = "", name = local] = each.split(/\s+as\s+/);
      return `${name.startsWith('"') ? name : JSON.stringify(name)}: ${local}`;
    })
    .join(", ");
}
