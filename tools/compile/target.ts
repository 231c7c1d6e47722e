/** The machines executables are made for. */

import process from "node:process";

export interface Target {
  readonly name: string;
  /** As Node calls them. */
  readonly platform: string;
  readonly arch: string;
  /** Of executables. */
  readonly suffix: string;
  readonly isHere: boolean;
}

const PLATFORMS: Readonly<Record<string, string>> = { linux: "linux", darwin: "darwin", windows: "win32" };

export const targets: readonly Target[] = ["linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64", "windows-x64"].map(
  (name) => {
    const [system = "", arch = ""] = name.split("-");
    return targetOf(name, PLATFORMS[system] ?? system, arch);
  },
);

/** The machine this runs on, also when it is none of those. */
export const targetHere: Target =
  targets.find(({ isHere }) => isHere) ??
  targetOf(`${process.platform}-${process.arch}`, process.platform, process.arch);

function targetOf(name: string, platform: string, arch: string): Target {
  return {
    name,
    platform,
    arch,
    suffix: platform === "win32" ? ".exe" : "",
    isHere: platform === process.platform && arch === process.arch,
  };
}
