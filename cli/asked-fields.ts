/** What a request to explain says beside its line, read alike from the command line and from files. */

/** `Name: value`; null: it is not of that form. */
export function parseField(text: string): readonly [string, string] | null {
  const colon = text.indexOf(":");
  return colon < 1 ? null : [text.slice(0, colon), text.slice(colon + 1).trim()];
}
