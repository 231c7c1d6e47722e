/** Whatever was thrown, as a text for people: also what throws when it is looked at. */
export function errorText(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "something that cannot be shown";
  }
}
