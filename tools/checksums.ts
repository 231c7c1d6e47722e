// Writes SHA256SUMS beside what is released, as `sha256sum --check` reads it.
//
//   npm run checksums [FOLDER]        of out/ when left out

import { createHash } from "node:crypto";
import { createReadStream, readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const SUMS = "SHA256SUMS";

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("../out", import.meta.url)));
  process.stdout.write(await writeChecksums(folder));
}

/** The files right in the folder, by name; answers what was written. */
export async function writeChecksums(folder: string): Promise<string> {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile() && entry.name !== SUMS);
  const names = entries.map((entry) => entry.name).sort();
  if (names.length === 0) throw new Error(`${folder} has no files: npm run compile makes them`);
  let text = "";
  for (const name of names) text += `${await sumOf(join(folder, name))}  ${name}\n`;
  writeFileSync(join(folder, SUMS), text);
  return text;
}

/** Piece by piece: executables have a hundred megabytes. */
async function sumOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
