/**
 * What a fault-injecting origin does with a request, or with a connection, written as one word with its numbers:
 * `body-100-then-rst`, `slow-1024`, `flap-1000`. A request may carry one in `X-Plan`; the others follow the origin's.
 */
export type Plan =
  /** Of connections. */
  | { readonly kind: "refuse" | "hang-accept" | "rst-on-accept" }
  /** Up and down in turns, each for so long. */
  | { readonly kind: "flap"; readonly periodMs: number }
  /** Of requests. */
  | { readonly kind: "ok" | "hang-after-head" | "rst-after-head" | "head-then-hang" | "early-reply" | "double-reply" }
  | { readonly kind: "body-then-rst" | "body-then-fin"; readonly bytes: number }
  | { readonly kind: "slow"; readonly bytesPerSecond: number }
  | { readonly kind: "late"; readonly delayMs: number }
  | { readonly kind: "status"; readonly status: number }
  /** Of the time between requests: after an answer, the connection ends when it has rested for so long … */
  | { readonly kind: "close-idle"; readonly idleMs: number }
  /** … or exactly when the next request can be read. */
  | { readonly kind: "close-when-readable" }
  /** Health checks pass while requests are reset. */
  | { readonly kind: "lie-health" }
  /** Health checks fail while requests are served. */
  | { readonly kind: "slander-health" };

export const OK: Plan = { kind: "ok" };

export function parsePlan(text: string): Plan {
  for (const [pattern, make] of FORMS) {
    const match = pattern.exec(text);
    if (match !== null) return make(Number(match[1]));
  }
  const plain = PLAIN.find((kind) => kind === text);
  if (plain === undefined) throw new Error(`no such plan: ${text}`);
  return { kind: plain };
}

/** These are decided when a connection comes, before there is a request. */
export function isAboutConnections({ kind }: Plan): boolean {
  return kind === "refuse" || kind === "hang-accept" || kind === "rst-on-accept" || kind === "flap";
}

const PLAIN = [
  "ok",
  "refuse",
  "hang-accept",
  "rst-on-accept",
  "hang-after-head",
  "rst-after-head",
  "head-then-hang",
  "early-reply",
  "double-reply",
  "close-when-readable",
  "lie-health",
  "slander-health",
] as const;

const FORMS: readonly (readonly [RegExp, (number: number) => Plan])[] = [
  [/^flap-(\d+)$/, (periodMs) => ({ kind: "flap", periodMs })],
  [/^body-(\d+)-then-rst$/, (bytes) => ({ kind: "body-then-rst", bytes })],
  [/^body-(\d+)-then-fin$/, (bytes) => ({ kind: "body-then-fin", bytes })],
  [/^slow-(\d+)$/, (bytesPerSecond) => ({ kind: "slow", bytesPerSecond })],
  [/^late-(\d+)$/, (delayMs) => ({ kind: "late", delayMs })],
  [/^status-(\d{3})$/, (status) => ({ kind: "status", status })],
  [/^close-idle-(\d+)$/, (idleMs) => ({ kind: "close-idle", idleMs })],
];
