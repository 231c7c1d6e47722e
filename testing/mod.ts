/**
 * `millrace/testing`: configurations as unit tests, without sockets, on a virtual clock. docs/testing.md explains it.
 */

export type { Config } from "../core/config/define.ts";
export type { ConfigProblem } from "../core/config/problem.ts";
export type { Notice } from "../core/observe/events.ts";
export type { Trace } from "../core/observe/trace.ts";
export type { Proxy, Reloaded, ServerView } from "../core/proxy.ts";
export type { ResolvedRecord } from "../core/runtime.ts";
export { ExpectationError } from "./assertion.ts";
export type { Duration } from "./duration.ts";
export { expectRoute, type RouteExpectation, type SentRequest } from "./expect-route.ts";
export type { FinishedEvent, TestEvent } from "./occurrences.ts";
export type { Peer } from "./peer.ts";
export { RefusedConfigError } from "./refused-config.ts";
export type { RequestOptions } from "./request-line.ts";
export type { Answer, AnswerNow, AnswerRecord, TestRequest } from "./server-answer.ts";
export type { WorldOptions } from "./server-places.ts";
export type { Simulation } from "./sim.ts";
export { type TestProxy, type TestProxyOptions, testProxy, type Underway } from "./test-proxy.ts";
export type { RequestRecord, TestResponse } from "./test-response.ts";
export type { Failure, Scripted, TestServer, TestUpstream } from "./test-server.ts";
