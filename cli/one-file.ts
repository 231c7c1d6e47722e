/**
 * The program as one file (`tools/compile.ts`), and all that is different in it. Beside sources and package there are a
 * folder of modules and one of dependencies; an executable has neither, only what it brings along.
 *
 * | | sources and package | one file |
 * |---|---|---|
 * | CommonJS modules of a user | `require` beside the code | `require` beside the executable |
 * | modules of a user | `import()` | the same; on Node 26 that of a script compiled for it |
 * | the thread that reads configurations | config-reader.js | the program itself, which sees that it is a thread |
 * | esbuild, a program of its own | in `node_modules` | written to a private folder when it is needed first |
 */

import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { threadId, Worker, workerData } from "node:worker_threads";

/** What an executable brings along, each runtime in its way. */
export interface OneFile {
  /** Starts this program as a thread. */
  startThread(task: ReaderTask): Worker;
  /** The program of esbuild, which has to be a file to be run. */
  esbuildProgram(): Uint8Array;
  /** `import()` that looks outside, where the program's own looks for built-in modules only. */
  importOutside?(url: string): Promise<object>;
  /** Called once, when a command that goes on has started. */
  settle?(): void;
}

/** What the reading thread is told. */
export interface ReaderTask {
  readonly file: string;
  /** Of the process, for programs that have to be files; null where there is none. */
  readonly folder: string | null;
}

let oneFile: OneFile | null = null;
let folder: string | null = null;
let esbuild: Promise<typeof import("esbuild")> | null = null;

/** Said once, before anything else. */
export function beOneFile(parts: OneFile): void {
  oneFile = parts;
}

export function isOneFile(): boolean {
  return oneFile !== null;
}

/** A module by URL or `node:` name, as a configuration imports it. */
export async function importOutside(url: string): Promise<object> {
  return await (oneFile?.importOutside?.(url) ?? import(url));
}

/** The same for CommonJS. */
export function requireOutside(url: string): unknown {
  const require = createRequire(oneFile === null ? import.meta.url : process.execPath);
  return require(url.startsWith("file:") ? fileURLToPath(url) : url);
}

/** A thread that reads the configuration and tells it (`tell-config.ts`). */
export function startReader(file: string): Worker {
  if (oneFile !== null) return oneFile.startThread({ file, folder: folderForThread() });
  const task: ReaderTask = { file, folder: null };
  // Named from beside `cli/`, too: in the package this is in another folder.
  return new Worker(new URL("../cli/config-reader.js", import.meta.url), { workerData: task });
}

/** What this thread was started for. */
export function readerTask(): ReaderTask {
  return workerData as ReaderTask;
}

/** Only programs and scripts need it. */
export function loadEsbuild(): Promise<typeof import("esbuild")> {
  esbuild ??= importEsbuild().catch((error: unknown) => {
    esbuild = null;
    throw error;
  });
  return esbuild;
}

const ESBUILD_PATH = "ESBUILD_BINARY_PATH";

async function importEsbuild(): Promise<typeof import("esbuild")> {
  const { env } = process;
  // Somebody may have set it, for lack of a temporary folder that programs can be run from.
  if (oneFile === null || env[ESBUILD_PATH]) return await import("esbuild");
  // It looks at this when it is loaded, and never again: other programs that are started must not see it.
  env[ESBUILD_PATH] = unpacked("esbuild", oneFile.esbuildProgram);
  try {
    return await import("esbuild");
  } finally {
    delete env[ESBUILD_PATH];
  }
}

/** Written whole before it has its name: threads may come at once. */
function unpacked(name: string, content: () => Uint8Array): string {
  const path = join(privateFolder(), process.platform === "win32" ? `${name}.exe` : name);
  if (existsSync(path)) return path;
  const unfinished = `${path}.${threadId}`;
  writeFileSync(unfinished, content(), { mode: 0o700 });
  renameSync(unfinished, path);
  return path;
}

/** Where none can be made, only what needs one fails. */
function folderForThread(): string | null {
  try {
    return privateFolder();
  } catch {
    return null;
  }
}

/** Readable by this user only; gone when the process ends. A thread is ended from outside, so it uses its owner's. */
function privateFolder(): string {
  folder ??= (workerData as ReaderTask | null)?.folder ?? ownFolder();
  return folder;
}

function ownFolder(): string {
  const made = mkdtempSync(join(tmpdir(), "millrace-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  return made;
}
