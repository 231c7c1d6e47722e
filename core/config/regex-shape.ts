/** What an expression looks like, apart from what it matches. */

/**
 * Whether a group that may repeat without bound holds something that may, too, or the same alternative twice: `(a+)+`,
 * `(.*)*`, `(a|a)*`. Engines that backtrack try exponentially many ways to split a text between the two.
 */
export function repeatsRepeats(text: string): boolean {
  /** Of each group that is open: whether anything in it repeats, and its alternatives so far. */
  const open: { repeats: boolean; starts: number[] }[] = [];
  let inClass = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inClass && character !== "]") {
      if (character === "\\") at++;
      continue;
    }
    if (character === "[") inClass = true;
    else if (character === "(") open.push({ repeats: false, starts: [bodyAt(text, at)] });
    else if (character === "|") open.at(-1)?.starts.push(at + 1);
    else if (character === ")") {
      const group = open.pop();
      const isUnbounded = repeatsAt(text, at + 1);
      if (group !== undefined && isUnbounded && (group.repeats || hasTwins(text, group.starts, at))) return true;
      // Seen from outside the group is one thing that repeats, or holds one.
      const outer = open.at(-1);
      if (outer !== undefined && (isUnbounded || group?.repeats === true)) outer.repeats = true;
    } else {
      inClass = false;
      if (character === "\\") at++;
      const group = open.at(-1);
      if (group !== undefined && repeatsAt(text, at + 1)) group.repeats = true;
    }
  }
  return false;
}

/** Behind `(`, `(?:`, `(?P<name>` and the like. */
function bodyAt(text: string, at: number): number {
  const [opening = "("] = /^\((?:\?(?:P?<[^>]*>|[a-z-]*:))?/.exec(text.slice(at)) ?? [];
  return at + opening.length;
}

/** Whether `*`, `+` or `{n,}` stands there. */
function repeatsAt(text: string, at: number): boolean {
  return /^(?:[*+]|\{[0-9]+,\})/.test(text.slice(at, at + 12));
}

function hasTwins(text: string, starts: readonly number[], end: number): boolean {
  const alternatives = starts.map((start, index) => text.slice(start, (starts[index + 1] ?? end + 1) - 1));
  return new Set(alternatives).size < alternatives.length;
}
