/** Sizes in bytes as people write them: `64KiB`, `1MiB` (1024), `10kB`, `10MB` (1000), or plain bytes. */

export const SIZE_PATTERN = /^[0-9]{1,16}(\.[0-9]{1,6})?(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)?$/;

const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["B", 1],
  ["KiB", 1024],
  ["MiB", 1024 ** 2],
  ["GiB", 1024 ** 3],
  ["TiB", 1024 ** 4],
  ["kB", 1000],
  ["MB", 1000 ** 2],
  ["GB", 1000 ** 3],
  ["TB", 1000 ** 4],
]);

const RIGHT = 'write bytes as a number, or a number and a unit, such as "64KiB", "10MiB" or "5GB"';

/** Whole bytes; or what is wrong with the text. */
export function parseSize(text: string): number | { problem: string } {
  if (!SIZE_PATTERN.test(text)) return { problem: sizeProblem(text) };
  const unit = /[A-Za-z]*$/.exec(text)?.[0] ?? "";
  const bytes = Number(text.slice(0, text.length - unit.length)) * (UNIT_BYTES.get(unit) ?? 1);
  if (!Number.isInteger(bytes)) return { problem: `is ${bytes} bytes; ${RIGHT} that comes to whole bytes` };
  if (!Number.isSafeInteger(bytes))
    return { problem: 'is too large; at most 8191TiB, or "unlimited" where that is allowed' };
  return bytes;
}

/** The shortest exact way to write it; `unlimited` for Infinity. */
export function formatSize(bytes: number): string {
  if (bytes === Number.POSITIVE_INFINITY) return "unlimited";
  for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
    const size = UNIT_BYTES.get(unit) ?? 1;
    if (bytes % size === 0 && bytes >= size) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

/** `10mb` and `10M` could mean two things; say which spellings there are. */
function sizeProblem(text: string): string {
  const unit = /^[0-9.]+([kmgt])(i?)b?$/i.exec(text);
  if (unit === null) return `not a size; ${RIGHT}`;
  const letter = (unit[1] ?? "").toUpperCase();
  const number = /^[0-9.]+/.exec(text)?.[0] ?? "";
  const decimal = `${number}${letter === "K" ? "k" : letter}B`;
  return `unit unclear; write "${number}${letter}iB" (1024) or "${decimal}" (1000)`;
}
