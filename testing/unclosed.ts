import process from "node:process";

/**
 * Notices proxies nobody has closed: a test that forgets it does not check what `close` checks. When the process ends
 * they are named on standard error, and the process fails.
 */
const open = new Map<object, string>();
let isWatching = false;
/** A suite that forgets every one of them should not fill the memory first. */
const OPEN_MAX = 1_000;

/** From now on `proxy` has to be closed; `place` says who made it. Throws when too many are open. */
export function expectClose(proxy: object, place: string, openMax: number = OPEN_MAX): void {
  if (open.size >= openMax)
    throw new Error(`${open.size} test proxies are open: write "await using" or call close(). First: ${firstOf()}`);
  open.set(proxy, place);
  if (isWatching) return;
  isWatching = true;
  // deno test ends without an exit, but tells modules that they are unloaded; what they throw then fails the run.
  if ("Deno" in globalThis) addEventListener("unload", failUnclosed);
  process.on("exit", (code) => {
    if (open.size === 0) return;
    console.error(unclosedText([...open.values()]));
    process.exitCode = code || 1;
  });
}

export function noteClose(proxy: object): void {
  open.delete(proxy);
}

/** `places` as `callerOf` tells them. */
export function unclosedText(places: readonly string[]): string {
  const lines = [...new Set(places)].slice(0, 20).map((place) => `  made ${place}`);
  return `${places.length} of the proxies made by testProxy were never closed: write "await using", or call close()\n${lines.join("\n")}`;
}

/** The first line of a stack that is not in here. */
export function callerOf(stack: string): string {
  const lines = stack.split("\n").slice(1);
  const own = /[\\/]testing[\\/](?:unclosed|test-proxy|expect-route|mod)\.[jt]s/;
  return (lines.find((line) => !own.test(line)) ?? "somewhere").trim();
}

function failUnclosed(): void {
  if (open.size > 0) throw new Error(unclosedText([...open.values()]));
}

function firstOf(): string {
  return [...open.values()][0] ?? "";
}
