/** What decides, while the proxy runs, which servers a request may go to, and how often: called as in the configuration. */

import {
  type BodyExpectation,
  type CheckDefinition,
  DEFAULT_HEALTH,
  type EjectionDefinition,
  type HealthDefinition,
} from "../health/definition.ts";
import { maskTarget } from "../observe/mask-target.ts";
import { type BreakerCaps, NO_CAPS } from "../upstream/breaker.ts";
import type { UpstreamDefinition } from "../upstream/definition.ts";
import { DEFAULT_RETRIES } from "../upstream/retry-policy.ts";
import { finite } from "./effective-numbers.ts";

/** Of an upstream. Times are milliseconds, shares from 0 to 1; null: there is none. */
export interface UpstreamRules {
  readonly slowStart: number | null;
  /** How long browsers keep a sticky cookie; null: until they are closed, or there is none. */
  readonly stickyMaxAge: number | null;
  /** Requests that may wait for a connection. */
  readonly queue: number;
  readonly breaker: Readonly<Record<keyof BreakerCaps, number | null>>;
  readonly health: {
    readonly check: Rules | null;
    readonly agent: Rules | null;
    readonly ejection: Rules | null;
    readonly panicThreshold: number;
  };
  /** Null: this request is tried once. */
  readonly retries: {
    readonly backoff: { readonly base: number; readonly max: number };
    readonly budget: { readonly share: number; readonly perSecond: number };
  } | null;
}

/** Where several are allowed they stand in one text. */
export interface Rules {
  readonly [name: string]: string | number | null | Rules;
}

export function rulesOf(definition: UpstreamDefinition, isTriedAgain: boolean): UpstreamRules {
  const {
    slowStartMs,
    sticky,
    pool,
    breaker = NO_CAPS,
    health = DEFAULT_HEALTH,
    retries = DEFAULT_RETRIES,
  } = definition;
  const maxAgeSeconds = sticky?.maxAgeSeconds ?? null;
  const { backoffBaseMs, backoffMaxMs, budgetShare, budgetPerSecond } = retries;
  return {
    slowStart: slowStartMs ?? null,
    stickyMaxAge: maxAgeSeconds === null ? null : maxAgeSeconds * 1_000,
    queue: pool.queueMax,
    breaker: {
      inFlight: finite(breaker.inFlight),
      connections: finite(breaker.connections),
      pending: finite(breaker.pending),
      retries: finite(breaker.retries),
    },
    health: healthRules(health),
    retries: isTriedAgain
      ? {
          backoff: { base: backoffBaseMs, max: backoffMaxMs },
          budget: { share: budgetShare, perSecond: budgetPerSecond },
        }
      : null,
  };
}

function healthRules({ check, agent, ejection, panicShare }: HealthDefinition): UpstreamRules["health"] {
  return {
    check: check === null ? null : checkRules(check),
    agent: agent === null ? null : { port: agent.port, interval: agent.intervalMs, timeout: agent.timeoutMs },
    ejection: ejection === null ? null : ejectionRules(ejection),
    panicThreshold: panicShare,
  };
}

function checkRules({ kind, intervalMs, fastIntervalMs, timeoutMs, rise, fall, jitter, port, http }: CheckDefinition) {
  const times = { interval: intervalMs, fastInterval: fastIntervalMs, timeout: timeoutMs };
  if (http === null) return { kind, port, ...times, rise, fall, jitter };
  const { method, target, host, fields, statuses, body } = http;
  return {
    kind,
    method,
    path: maskTarget(target),
    host,
    // Their values are secrets as often as not.
    headers: fields.map(([name]) => name).join(", "),
    status: statuses.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(", "),
    body: body === null ? null : bodyText(body),
    port,
    ...times,
    rise,
    fall,
    jitter,
  };
}

function bodyText(body: BodyExpectation): string {
  return body.kind === "contains" ? `contains ${body.text}` : `regex ${body.source}`;
}

function ejectionRules({ failures, baseMs, maxMs, shareMax, outliers }: EjectionDefinition): Rules {
  return {
    consecutiveFailures: failures,
    baseTime: baseMs,
    maxTime: maxMs,
    maxShare: shareMax,
    successRate:
      outliers === null
        ? null
        : {
            minimumRequests: outliers.requestsMin,
            minimumServers: outliers.serversMin,
            deviations: outliers.deviations,
          },
  };
}
