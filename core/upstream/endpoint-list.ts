import type { ServerDefinition } from "./definition.ts";
import { Endpoint } from "./endpoint.ts";

/** In the order of `servers`: of `known` those with the same address, each once; the others join. */
export function endpointList(
  servers: readonly ServerDefinition[],
  known: Iterable<Endpoint>,
  join: (server: ServerDefinition) => Endpoint,
): Endpoint[] {
  const byKey = new Map<string, Endpoint[]>();
  for (const endpoint of known) {
    const alike = byKey.get(endpoint.key);
    if (alike === undefined) byKey.set(endpoint.key, [endpoint]);
    else alike.push(endpoint);
  }
  return servers.map((server) => byKey.get(Endpoint.keyOf(server))?.shift() ?? join(server));
}
