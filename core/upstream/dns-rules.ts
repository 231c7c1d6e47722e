import type { TcpAddress } from "../runtime.ts";

/** How DNS is asked, and how long its answers hold. */
export interface DnsRules {
  /** None: the system's. */
  readonly servers: readonly TcpAddress[];
  readonly timeoutMs: number;
  readonly ttlMsMin: number;
  readonly ttlMsMax: number;
}
