/** `millrace check FILE`: is the configuration right, and what does it come to? */

import { addressText } from "../core/config/address.ts";
import type { CompiledConfig } from "../core/config/compile.ts";
import { lintConfig } from "../core/config/lint.ts";
import { pathText } from "../core/route/paths.ts";
import type { RouteConditions, RouteDefinition } from "../core/route/route.ts";
import type { HashDefinition, ServerDefinition, ServerSource } from "../core/upstream/definition.ts";
import { EXIT_CONFIG, EXIT_OK } from "./exit-codes.ts";
import type { Outputs } from "./line-writer.ts";
import { loadConfig } from "./load-config.ts";
import { plural, printProblems, printTable, printWarnings } from "./print.ts";
import { readEnvironment } from "./read-environment.ts";
import { shownName } from "./shown-name.ts";

export async function check(file: string, { out, err }: Outputs): Promise<number> {
  const loaded = await loadConfig(file, readEnvironment, { lint: lintConfig });
  for (const line of printWarnings(loaded.warnings)) err.write(line);
  if ("problems" in loaded) {
    for (const line of printProblems(loaded.problems)) err.write(line);
    err.write(`millrace: ${plural(loaded.problems.length, "problem")}; nothing was started`);
    return EXIT_CONFIG;
  }
  for (const line of describeConfig(loaded.config)) out.write(line);
  const { listeners, upstreams, table } = loaded.config.snapshot;
  const counts = [
    plural(listeners.length, "listener"),
    plural(upstreams.length, "upstream"),
    plural(table.routes.length, "route"),
  ];
  out.write("");
  out.write(`ok: ${counts.join(", ")} in ${plural(loaded.files.length, "file")}`);
  await out.flush();
  return EXIT_OK;
}

export function describeConfig({ snapshot }: CompiledConfig): string[] {
  const listeners = snapshot.listeners.map(({ name, address }) => [name, addressText(address)]);
  const upstreams = snapshot.upstreams.map(({ name, balance, servers, sources }) => [
    name,
    typeof balance === "string" ? balance : describeHash(balance),
    sources === undefined ? servers.map(serverText).join(", ") : sources.map(sourceText).join(", "),
  ]);
  const routes = snapshot.table.routes.map(({ definition }, index) => [
    String(index + 1),
    definition.id,
    any(definition.match.hosts),
    any(definition.match.paths.map(pathText)),
    any(definition.match.methods),
    othersOf(definition.match),
    actionOf(definition),
  ]);
  return [
    "Listeners",
    ...printTable(["NAME", "ADDRESS"], listeners),
    ...(upstreams.length === 0 ? [] : ["", "Upstreams", ...printTable(["NAME", "BALANCE", "SERVERS"], upstreams)]),
    "",
    "Routes, in the order they win",
    ...printTable(["", "ID", "HOST", "PATH", "METHOD", "ALSO", "ACTION"], routes),
  ];
}

function serverText({ label, weight }: ServerDefinition): string {
  return weight === 1 ? label : `${label} (weight ${weight})`;
}

function sourceText(source: ServerSource): string {
  switch (source.kind) {
    case "static":
      return serverText(source.server);
    case "name":
      return `${serverText(source.server)} (by DNS)`;
    case "service":
      return `srv ${source.name}`;
    case "file":
      return `file ${shownName(source.path)}`;
  }
}

function describeHash({ part, method }: HashDefinition): string {
  const what = "name" in part ? `${part.kind}:${part.name}` : part.kind;
  return `hash of ${what} (${method})`;
}

function any(items: readonly string[]): string {
  return items.length === 0 ? "any" : items.join(", ");
}

function othersOf(match: RouteConditions): string {
  const kinds: [string, number][] = [
    ["header", match.headers.length],
    ["query", match.query.length],
    ["client", match.clients.length],
    ["listener", match.listeners.length],
    ["not", match.not.length],
  ];
  const given = kinds
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => (count === 1 ? kind : `${kind} (${count})`));
  return given.length === 0 ? "-" : given.join(", ");
}

function actionOf({ action, rewrite }: RouteDefinition): string {
  switch (action.kind) {
    case "upstream":
      return rewrite === null ? `upstream ${action.upstream}` : `upstream ${action.upstream}, path rewritten`;
    case "target":
      return `decided by ${action.decide.source || action.decide.name}`;
    case "mount":
      return action.source === "" ? "a program" : `program ${action.source}`;
    case "redirect":
      return `redirect ${action.status} ${action.to}`;
    case "respond":
      return `respond ${action.status}`;
  }
}
