/** How far what an error came from is followed: it may have come from itself. */
const CAUSES_MAX = 2;

/** Whatever was thrown, as a text for people: its message, and that of what it came from. */
export function errorText(error: unknown): string {
  try {
    return textOf(error, CAUSES_MAX);
  } catch {
    return "something that cannot be shown";
  }
}

function textOf(error: unknown, causesLeft: number): string {
  if (!(error instanceof Error)) return String(error);
  // Neither need be a text.
  const message = String(error.message ?? "");
  // Where all addresses of a name refuse, Node's error has no message of its own.
  const cause = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (causesLeft === 0 || cause === undefined) return message === "" ? String(error.name) : message;
  const before = textOf(cause, causesLeft - 1);
  if (message === "") return before;
  return message.includes(before) ? message : `${message}: ${before}`;
}
