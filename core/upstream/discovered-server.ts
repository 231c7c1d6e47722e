/** DNS records → servers. */

import { SERVER_PRIORITY_MAX, SERVER_WEIGHT_MAX } from "../limits.ts";
import type { ResolvedRecord } from "../runtime.ts";
import type { ServerDefinition } from "./definition.ts";

/** `app.internal:9002/10.0.0.7`: what was written, and what was found. */
export function serverAt(
  server: ServerDefinition,
  written: { readonly host: string; readonly port: number },
  address: string,
): ServerDefinition {
  return {
    ...server,
    label: `${written.host}:${written.port}/${address}`,
    address: { kind: "tcp", host: address, port: written.port },
  };
}

/**
 * Priorities become 0, 1, 2 …, for only their order means something. Weights keep their proportions as far as ours can
 * say them (65535 to 1 they can't), and a weight of 0, "a very small chance" (RFC 2782), is the least we have.
 */
export function serversOfService(
  server: ServerDefinition,
  services: readonly ResolvedRecord[],
  addressesOf: (target: string) => readonly ResolvedRecord[],
): readonly ServerDefinition[] {
  const priorities = [...new Set(services.map(({ priority }) => priority))].sort((one, other) => one - other);
  const heaviest = services.reduce((most, { weight }) => Math.max(most, weight), 0);
  const scale = heaviest > SERVER_WEIGHT_MAX ? SERVER_WEIGHT_MAX / heaviest : 1;
  return services.flatMap((service) => {
    const found = {
      ...server,
      weight: Math.max(1, Math.round(service.weight * scale)),
      priority: Math.min(priorities.indexOf(service.priority), SERVER_PRIORITY_MAX),
    };
    return addressesOf(service.host).map(({ host }) => serverAt(found, service, host));
  });
}
