/** Rejected with when an address can't be had. */

import type { ListenFailure } from "../core/mod.ts";

/** A listener that could not be opened: its name, the code of the system, and both as a message. */
export class ListenError extends Error implements ListenFailure {
  override readonly name = "ListenError";
  readonly listener: string;
  readonly code: string;

  constructor({ listener, code, message }: ListenFailure) {
    super(`cannot listen on ${listener}: ${message} [${code}]`);
    this.listener = listener;
    this.code = code;
  }
}
