/** Which part of the whole a function belongs to. */

import type { Frame } from "./cpu-profile.ts";

export const IDLE = "waiting";

const OF_V8: Readonly<Record<string, string>> = {
  "(idle)": IDLE,
  "(program)": "runtime, between calls of JavaScript",
  "(garbage collector)": "garbage collector",
  "(root)": "runtime, between calls of JavaScript",
};
const OURS = /\/(core|adapters|cli|library)\/([\w-]+(?:\.ts)?)/;

export function areaOf({ name, url }: Frame): string {
  const special = OF_V8[name];
  if (special !== undefined && url === "") return special;
  if (url === "") return "native calls of the runtime, system calls among them";
  const [, top, next] = (url.includes("/node_modules/") ? null : OURS.exec(url)) ?? [];
  if (top === "core") return `core/${next}`;
  if (top !== undefined) return `${top}/`;
  if (url.includes("/node_modules/")) return "packages";
  return "the runtime's JavaScript";
}

/** `parseFields core/h1/parse-head.ts:110` */
export function frameText({ name, url, line }: Frame): string {
  const shown = name === "" ? "(anonymous)" : name;
  if (url === "") return `${shown} (native)`;
  const start = OURS.exec(url)?.index;
  const file = start === undefined ? url.slice(url.lastIndexOf("/node_modules/") + 1) : url.slice(start + 1);
  return `${shown} ${file}:${line}`;
}
