/** Entries of `servers` → where servers come from; for those of the configuration, and for lists in files. */

import * as v from "valibot";
import { SERVERS_PER_FILE_MAX } from "../limits.ts";
import type { Address } from "../runtime.ts";
import type { ListedSource, ServerDefinition, ServerSource } from "../upstream/definition.ts";
import { accepted, isName, parseServerAddress } from "./address.ts";
import { problemsOf } from "./issues.ts";
import { type ConfigProblem, problemAt } from "./problem.ts";
import { ListedServerSchema, type ParsedListedServer, type ParsedServer } from "./schema.ts";

/** `list` is what a file held; nothing about it is believed. */
export function compileServerList(
  list: unknown,
): readonly ListedSource[] | { readonly problems: readonly ConfigProblem[] } {
  // An empty list is one, too: nothing is left to send to.
  if (!Array.isArray(list)) {
    return { problems: [problemAt([], 'holds no list; write servers line by line, such as - "127.0.0.1:9001"')] };
  }
  if (list.length > SERVERS_PER_FILE_MAX)
    return {
      problems: [problemAt([], `lists more than ${SERVERS_PER_FILE_MAX} servers; split it into several files`)],
    };
  const result = v.safeParse(v.array(ListedServerSchema), list);
  return result.success ? result.output.map(defineListed) : { problems: problemsOf(result.issues) };
}

export function defineSource(server: ParsedServer): ServerSource {
  if (typeof server === "object" && "file" in server) return { kind: "file", path: server.file };
  return defineListed(server);
}

function defineListed(server: ParsedListedServer): ListedSource {
  if (typeof server === "object" && "srv" in server) {
    const address: Address = { kind: "tcp", host: server.srv.toLowerCase(), port: 0 };
    const { srv, maxConnections, backup, state } = server;
    return {
      kind: "service",
      name: srv.toLowerCase(),
      server: { label: srv, address, weight: 1, connectionsMax: maxConnections, isBackup: backup, state },
    };
  }
  const definition = defineServer(server);
  return { kind: isName(definition.address) ? "name" : "static", server: definition };
}

type ServerWithAddress = Exclude<ParsedListedServer, { srv: string }>;

function defineServer(server: ServerWithAddress): ServerDefinition {
  if (typeof server === "string") {
    return {
      label: server,
      address: accepted(parseServerAddress(server)),
      weight: 1,
      connectionsMax: Number.POSITIVE_INFINITY,
    };
  }
  const { address, weight, maxConnections, state, priority, backup } = server;
  return {
    label: address,
    address: accepted(parseServerAddress(address)),
    weight,
    connectionsMax: maxConnections,
    state,
    priority,
    isBackup: backup,
  };
}
