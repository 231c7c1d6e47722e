/** Reads a configuration file, bounded, and says in a person's words why it could not. */

import { constants } from "node:fs";
import { type FileHandle, lstat, open, realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { setTimeout as setTimeoutAsync } from "node:timers/promises";
import { errorText } from "../core/script/error-text.ts";

/** Ten thousand routes come to two. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;

const SMALL_FILE_BYTES = 4 * 1024;

/** So long a named pipe may be silent: one that took a file's place would hold up reloads for ever. */
const PIPE_SILENT_MS = 5_000;
const PIPE_LOOK_MS = 10;

export const STANDARD_INPUT = "/dev/stdin";

/** Of a file as it is named on the command line. */
export function pathOf(file: string): string {
  return file === "-" ? STANDARD_INPUT : resolve(file);
}

/** Where the files are looked for that it names. */
export function directoryOf(file: string): string {
  return file === STANDARD_INPUT ? process.cwd() : dirname(file);
}

export async function readTextFile(
  path: string,
  pipeSilentMs = PIPE_SILENT_MS,
): Promise<string | { readonly problem: string }> {
  let bytes: Uint8Array | { readonly problem: string };
  try {
    // Where it is a socket nobody can open it, and Deno asks for a permission.
    bytes = path === STANDARD_INPUT ? joined(await chunksOf(process.stdin)) : await readFile(path, pipeSilentMs);
  } catch (error) {
    return { problem: reasonOf(error) };
  }
  if ("problem" in bytes) return bytes;
  if (bytes.length > FILE_BYTES_MAX) {
    return {
      problem: `is larger than ${FILE_BYTES_MAX / 1024 ** 2} MiB; is it a configuration? \`include\` can split it`,
    };
  }
  return decodeText(bytes);
}

export function decodeText(bytes: Uint8Array): string | { readonly problem: string } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { problem: "is UTF-16; save it as UTF-8" };
  }
  if (bytes.includes(0)) return { problem: "is a binary file; a configuration is YAML, JSON or TypeScript text" };
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return { problem: "is not UTF-8 text; save it as UTF-8" };
  }
}

async function readFile(path: string, pipeSilentMs: number): Promise<Uint8Array | { readonly problem: string }> {
  // Where nobody writes to a pipe, opening it would take a thread of the runtime for ever, and so would reading it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (stat.isDirectory()) return { problem: "is a directory; name a file in it" };
    // One without a name, of `<(command)`, has had its writer from the beginning, and ends with it.
    const hasName = stat.isFIFO() && (await isThere(path));
    const bytes = await readBounded(file, stat.size, hasName ? pipeSilentMs : null);
    return bytes ?? { problem: `is a pipe into which nobody has written for ${pipeSilentMs / 1_000}s` };
  } finally {
    await file.close();
  }
}

/** Behind all links. */
async function isThere(path: string): Promise<boolean> {
  try {
    // Bun 1.4 also answers the name of what has none, `pipe:[1234]`.
    await lstat(await realpath(path));
    return true;
  } catch {
    return false;
  }
}

/**
 * At most one byte more than allowed: pipes and devices do not know their size, and files grow meanwhile. Null: a pipe was
 * silent for `silentMs`.
 */
async function readBounded(file: FileHandle, size: number, silentMs: number | null): Promise<Uint8Array | null> {
  const bytesMax = FILE_BYTES_MAX + 1;
  // Room for one byte more tells of the end; as much for each of many small files as for a large one is costly.
  let bytes = new Uint8Array(Math.min(Math.max(size + 1, SMALL_FILE_BYTES), bytesMax));
  let length = 0;
  let sinceMs = performance.now();
  while (length < bytesMax) {
    if (length === bytes.length) bytes = grown(bytes, Math.min(2 * length, bytesMax));
    const bytesRead = await readSome(file, bytes, length);
    if (bytesRead === 0 && (length > 0 || silentMs === null)) break;
    if (bytesRead > 0) {
      length += bytesRead;
      sinceMs = performance.now();
    } else if (silentMs !== null && performance.now() - sinceMs >= silentMs) return null;
    else await setTimeoutAsync(PIPE_LOOK_MS);
  }
  return bytes.subarray(0, length);
}

/** 0: there is no writer, or not yet; -1: it has not said more. */
async function readSome(file: FileHandle, bytes: Uint8Array, at: number): Promise<number> {
  try {
    return (await file.read(bytes, at, bytes.length - at, null)).bytesRead;
  } catch (error) {
    if ((error as { code?: string }).code === "EAGAIN") return -1;
    throw error;
  }
}

function grown(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(size);
  larger.set(bytes);
  return larger;
}

/** Until they are too many. A second time there are none. */
async function chunksOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > FILE_BYTES_MAX) break;
  }
  return chunks;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const piece of pieces) {
    bytes.set(piece, end);
    end += piece.length;
  }
  return bytes;
}

export function reasonOf(error: unknown): string {
  return REASONS.get(codeOf(error)) ?? `cannot be read: ${errorText(error)}`;
}

/** It is not the file that is wrong, nor its path: descriptors or memory are short, or a disk or a file system on the network fails. */
export function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  return code !== "" && !REASONS.has(code); // Deno gives none to what it does not permit
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

const NO_PERMISSION = "cannot be read: no permission for it";

const REASONS: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "does not exist; check the path"],
  ["ENOTDIR", "does not exist: a part of its path is no directory"],
  ["EACCES", NO_PERMISSION],
  ["EPERM", NO_PERMISSION],
  ["EISDIR", "is a directory; name a file in it"],
  ["ELOOP", "is a symbolic link that leads in a circle"],
]);
