/**
 * The file of a UNIX listener. Each runtime removes whatever has its name when the listener closes, also what another process
 * has put there since. So that is moved away while it closes, and back: a moment in which clients of the other find nothing.
 */
import { lstatSync, renameSync, rmSync } from "node:fs";
import type { Address } from "../core/runtime.ts";
import { isPermitted } from "./permission.ts";

export interface SocketFile {
  /** False when it was removed, or another has its name. */
  isThere(): boolean;
  /** Moves another of its name out of the way. Answers what puts it back, unless a third one has come meanwhile. */
  spareOther(): () => void;
}

/** Of a listener that was bound just now. */
export function socketFileOf(address: Address): SocketFile {
  if (address.kind === "tcp") return NO_FILE;
  const { path } = address;
  // No other file can have this number: the kernel keeps it for as long as the socket listens.
  const own = identityOf(path);
  return {
    isThere: () => identityOf(path) === own,
    spareOther() {
      const found = identityOf(path);
      if (found === own || found === "") return NOTHING;
      const aside = `${path}.${crypto.randomUUID()}`;
      const isAllowed = isPermitted({ name: "read", path: aside }) && isPermitted({ name: "write", path: aside });
      return isAllowed && hasMoved(path, aside) ? () => putBack(aside, path) : NOTHING;
    },
  };
}

/** `""` where there is none. */
function identityOf(path: string): string {
  try {
    const { dev, ino } = lstatSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return "";
  }
}

/** What has come last stays, as if it had replaced the other. */
function putBack(aside: string, path: string): void {
  if (identityOf(path) === "") hasMoved(aside, path);
  else rmSync(aside, { force: true });
}

function hasMoved(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}

const NOTHING = (): void => {};
const NO_FILE: SocketFile = { isThere: () => true, spareOther: () => NOTHING };
