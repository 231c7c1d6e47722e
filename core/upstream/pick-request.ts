/** What a pick goes by, beside the state of the servers. */

import type { Endpoint } from "./endpoint.ts";
import type { KeyedRequest } from "./hash-key.ts";

export interface PickRequest extends KeyedRequest {
  /** Servers this request was sent to already: another one is preferred. */
  readonly tried: readonly Endpoint[];
  /** What code of the configuration has asked for; null: nothing. */
  wish: PickWish | null;
}

export interface PickWish {
  /** Label of the server that comes first; null: as balanced. */
  readonly server: string | null;
  /** No other one will do. */
  readonly strict: boolean;
  /** What is hashed instead of a part of the request; null: that part. */
  readonly hashKey: string | null;
}
