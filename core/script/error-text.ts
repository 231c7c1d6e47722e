/** Whatever was thrown, as a text for people. */
export function errorText(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return "something that cannot be shown";
  }
}
