/** The public surface: what a program that embeds the proxy, or a configuration in TypeScript, imports. */

export { type CompiledConfig, compileConfig, type LogDefinition, type RefusedConfig } from "./config/compile.ts";
export {
  type Config,
  type ConfigFunction,
  defineConfig,
  type RouteConfig,
  type UpstreamConfig,
} from "./config/define.ts";
export { type ConfigProblem, formatPath } from "./config/problem.ts";
export type { Snapshot } from "./exchange/snapshot.ts";
export { type AskedRequest, Explainer, type ExplainTools, type Explanation, explain } from "./explain/explain.ts";
export { explanationText } from "./explain/explanation-text.ts";
export { NoRequest } from "./explain/request-line.ts";
export type { Fault, FaultSide } from "./fault.ts";
export { type MemoryPairOptions, memorySocketPair } from "./listen/memory-socket.ts";
export type { FinishedExchange, Notice, Observer } from "./observe/events.ts";
export type {
  SkippedServer,
  SkipReason,
  Trace,
  TraceEdits,
  TraceHook,
  TraceLoad,
  TraceNext,
  TraceSkipped,
  TraceTry,
  TryCause,
} from "./observe/trace.ts";
export type { TraceFilter } from "./observe/trace-ring.ts";
export { formatTrace, formatTraceJson } from "./observe/trace-text.ts";
export {
  type CacheCounts,
  createProxy,
  type HookView,
  type ListenFailure,
  type NotReloaded,
  type Proxy,
  type ProxyOptions,
  type Reloaded,
  type ServerView,
} from "./proxy.ts";
export type { Address, Runtime, Socket, SocketError, SocketHandler } from "./runtime.ts";
export type {
  AttemptChange,
  ByteStream,
  CacheLoad,
  CacheOptions,
  Decide,
  Decision,
  FetchHandler,
  HeaderEdits,
  HookAttempt,
  HookCandidate,
  HookContext,
  HookOutcome,
  HookRequest,
  HookResponse,
  Mount,
  OnAttempt,
  OnFinish,
  OnRequest,
  OnResponse,
  ReceivedStream,
  RequestChange,
  RequestDenial,
  RequestVerdict,
  ResponseChange,
  TargetDecision,
  TransformRequestBody,
  TransformResponseBody,
  UpstreamDecision,
} from "./script/hooks.ts";
