/** The known name that was probably meant, for messages such as `did you mean "balance"?`. */

/** Names longer than this are never typed by hand; the work stays bounded. */
const NAME_LENGTH_MAX = 64;
/** Fewer letters begin too many names. */
const ABBREVIATION_LENGTH_MIN = 3;

export function nearestName(name: string, known: readonly string[]): string | null {
  if (name.length > NAME_LENGTH_MAX) return null;
  const wanted = name.toLowerCase();
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best ?? onlyLongerName(wanted, known);
}

/** `maint` for `maintenance`: too far for a slip, and still clear. */
function onlyLongerName(wanted: string, known: readonly string[]): string | null {
  if (wanted.length < ABBREVIATION_LENGTH_MIN) return null;
  const longer = known.filter((candidate) => candidate.toLowerCase().startsWith(wanted));
  return longer.length === 1 ? longer[0]! : null;
}

/** `did you mean "x"?`, or else what there is. */
export function suggestion(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  if (nearest !== null) return `did you mean ${JSON.stringify(nearest)}?`;
  if (known.length === 0) return "none is defined";
  const shown = known.slice(0, 12).join(", ");
  return known.length > 12 ? `known are ${shown}, …` : `known ${known.length === 1 ? "is" : "are"} ${shown}`;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (swapped) cost = Math.min(cost, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
