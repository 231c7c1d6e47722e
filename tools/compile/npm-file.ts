/** Programs for other machines: one file out of a package that is fetched from the npm registry and checked. */

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Place, root } from "./form.ts";

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  /** As lockfiles have it: `sha512-` and base64. */
  readonly integrity: string;
}

/** The package could not be had; what else is to be made does not depend on it. */
export class FetchError extends Error {}

export function fetchFile({ name, version, integrity }: NpmPackage, file: string, { folder }: Place): string {
  const into = join(folder, name.replaceAll("/", "-"));
  mkdirSync(into, { recursive: true });
  const packing = ["pack", `${name}@${version}`, "--silent", "--pack-destination", into];
  let packed: string;
  try {
    packed = execFileSync("npm", packing, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    throw new FetchError(`npm could not fetch ${name}@${version}: try \`npm pack ${name}@${version}\``);
  }
  const archive = join(into, packed.split("\n").at(-1) ?? "");
  const found = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (found !== integrity) throw new FetchError(`${name}@${version} has integrity ${found} instead of ${integrity}`);
  execFileSync("tar", ["-xzf", archive, "-C", into, `package/${file}`]);
  return join(into, "package", file);
}

/** Lockfiles name the packages of all machines, though only those of this one are installed. */
export function lockedPackage(name: string): NpmPackage {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const { version, integrity } = lock.packages[`node_modules/${name}`];
  return { name, version, integrity };
}

/** esbuild's program for that machine. */
export function esbuildFor(place: Place): string {
  const { platform, arch, isHere } = place.target;
  const name = `@esbuild/${platform}-${arch}`;
  const file = platform === "win32" ? "esbuild.exe" : "bin/esbuild";
  if (isHere) return createRequire(import.meta.url).resolve(`${name}/${file}`);
  return fetchFile(lockedPackage(name), file, place);
}
