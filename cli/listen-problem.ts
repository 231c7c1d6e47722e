/** Why a listener could not be opened, and what to do about it. */

import { escapeText } from "../core/observe/escape.ts";
import type { ListenFailure } from "../core/proxy.ts";

export function listenProblem({ listener, code, message }: ListenFailure): string {
  const where = escapeText(listener);
  switch (code) {
    case "EADDRINUSE":
      if (listener.startsWith("unix:"))
        return `cannot listen on ${where}: there is something of that name; stop what listens there, or remove it`;
      return `cannot listen on ${where}: the address is in use; stop what listens there, or choose another`;
    case "EACCES":
      return `cannot listen on ${where}: no permission; ports below 1024 and some directories need more rights`;
    case "EDENIED":
      return `cannot listen on ${where}: ${escapeText(message)}`;
    case "EADDRNOTAVAIL":
      return `cannot listen on ${where}: this machine does not have that address`;
    case "ENOENT":
      return `cannot listen on ${where}: its directory does not exist; create it first`;
    default:
      return `cannot listen on ${where}: ${escapeText(message)} [${escapeText(code)}]`;
  }
}
