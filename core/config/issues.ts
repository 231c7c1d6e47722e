/** What valibot found, as problems: of a choice that failed, only the branch that was meant. */

import type * as v from "valibot";
import { type ConfigProblem, problemAt, problemAtKey } from "./problem.ts";

type Issue = v.BaseIssue<unknown>;

export function problemsOf(issues: readonly Issue[]): ConfigProblem[] {
  return issues
    .flatMap((issue) => leaves(issue, []))
    .map(({ issue, path }) => {
      const key = issue.path?.at(-1);
      const make = key?.type === "object" && key.origin === "key" ? problemAtKey : problemAt;
      return make(path, issue.message);
    });
}

interface Leaf {
  readonly issue: Issue;
  readonly path: readonly (string | number)[];
}

function leaves(issue: Issue, above: readonly (string | number)[]): Leaf[] {
  const own = (issue.path ?? []).map((item) => item.key as string | number);
  const path = [...above, ...own];
  const below = (issue.issues ?? []).flatMap((inner) => leaves(inner as Issue, path));
  const deepest = below.filter((leaf) => leaf.path.length > path.length);
  // Whoever wrote `{ adress: … }` meant the map, not the text.
  if (deepest.length > 0) return deepest;
  // The type was right, only what it says is wrong.
  const content = below.filter((leaf) => leaf.issue.kind !== "schema");
  return content.length > 0 ? content : [{ issue, path }];
}
