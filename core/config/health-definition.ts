/** The `health` of an upstream as the plain data that the core goes by. */

import * as v from "valibot";
import type {
  AgentDefinition,
  CheckDefinition,
  EjectionDefinition,
  HealthDefinition,
  HttpCheckDefinition,
} from "../health/definition.ts";
import type { ParsedHealth } from "./health-schema.ts";
import { Health } from "./health-schema.ts";

type ParsedCheck = Exclude<ParsedHealth["check"], boolean>;
type ParsedEjection = Exclude<ParsedHealth["ejection"], false>;

export function defineHealth({ check, agent, ejection, panicThreshold }: ParsedHealth): HealthDefinition {
  return {
    check: check === false ? null : defineCheck(check === true ? DEFAULT_CHECK : check),
    agent: agent === undefined ? null : defineAgent(agent),
    ejection: ejection === false ? null : defineEjection(ejection),
    panicShare: panicThreshold,
  };
}

/** What `check: true` means. */
const DEFAULT_CHECK = v.parse(Health, { check: {} }).check as ParsedCheck;

function defineCheck(check: ParsedCheck): CheckDefinition {
  const { kind, interval, fastInterval, timeout, rise, fall, jitter, port } = check;
  return {
    kind,
    intervalMs: interval,
    // Who asks for less than the default in general wants it not slower while unsure.
    fastIntervalMs: Math.min(fastInterval, interval),
    timeoutMs: timeout,
    rise,
    fall,
    jitter,
    port: port ?? null,
    http: kind === "http" ? defineHttp(check) : null,
  };
}

function defineHttp({ method, path, host, headers, status, body }: ParsedCheck): HttpCheckDefinition {
  return {
    method: method ?? "GET",
    target: path ?? "/",
    host: host ?? null,
    fields: Object.entries(headers ?? {}),
    statuses: (status ?? [{ first: 200, last: 399 }]).map(({ first, last }) => [first, last] as const),
    body: body === undefined ? null : defineBody(body),
  };
}

function defineBody({ contains, regex }: NonNullable<ParsedCheck["body"]>): HttpCheckDefinition["body"] {
  return contains === undefined ? { kind: "regex", source: regex! } : { kind: "contains", text: contains };
}

function defineAgent({ port, interval, timeout }: NonNullable<ParsedHealth["agent"]>): AgentDefinition {
  return { port, intervalMs: interval, timeoutMs: timeout };
}

function defineEjection(ejection: ParsedEjection): EjectionDefinition {
  const { consecutiveFailures, baseTime, maxTime, maxShare, successRate } = ejection;
  return {
    failures: consecutiveFailures,
    baseMs: baseTime,
    maxMs: maxTime,
    shareMax: maxShare,
    outliers:
      successRate === false
        ? null
        : {
            requestsMin: successRate.minimumRequests,
            serversMin: successRate.minimumServers,
            deviations: successRate.deviations,
          },
  };
}
