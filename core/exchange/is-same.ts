/** Whether two pieces of a configuration say the same: plain records, lists and values, nothing that has identity. */
export function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const ours = left as Record<string, unknown>;
  const theirs = right as Record<string, unknown>;
  const keys = Object.keys(ours);
  if (keys.length !== Object.keys(theirs).length) return false;
  for (const key of keys) if (!Object.hasOwn(theirs, key) || !isSame(ours[key], theirs[key])) return false;
  return true;
}
