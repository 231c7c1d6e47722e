import type { PoolDefinition, ServerDefinition, UpstreamDefinition } from "../../../core/upstream/definition.ts";
import type { PickRequest } from "../../../core/upstream/pick-request.ts";
import { addressOf } from "../../../testing/wire.ts";

/** A server as the configuration would define it, called after its address. */
export function serverOf(address: string, own: Partial<ServerDefinition> = {}): ServerDefinition {
  return {
    label: address,
    address: addressOf(address),
    weight: 1,
    connectionsMax: Number.POSITIVE_INFINITY,
    ...own,
  };
}

export const POOL: PoolDefinition = { idleMax: 1, idleMs: 1, queueMax: 1, queueMs: 1 };

export function upstreamOf(
  servers: readonly ServerDefinition[],
  own: Partial<UpstreamDefinition> = {},
): UpstreamDefinition {
  return {
    name: "app",
    servers,
    balance: "two-choices",
    timeouts: { connectMs: null, firstByteMs: null, idleMs: null },
    pool: POOL,
    ...own,
  };
}

/** A request that has nothing to hash but what `own` gives it. */
export function requestOf(own: Partial<PickRequest> = {}): PickRequest {
  return { tried: [], wish: null, path: "", query: "", host: "", clientAddress: "", header: () => null, ...own };
}
