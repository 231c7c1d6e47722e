/**
 * What the functions of a configuration are given and may answer: the contract between Millrace and code that decides.
 *
 *     onRequest ─► decide ─► onAttempt (each try) ─► onResponse ─► … body … ─► onFinish
 *                              │ transformRequestBody   │ transformResponseBody
 *
 * Each may answer at once or by a promise, has a deadline, and a fallback for when it fails.
 */

/** A request as hooks see it. Texts are made when asked for; once the request is over everything but `id` throws. */
export interface HookRequest {
  /** The one in answers, logs and traces. */
  readonly id: string;
  readonly method: string;
  /** How the client came. */
  readonly scheme: "http" | "https";
  /** Lower case, without port and trailing dot; `""` when the request named none. */
  readonly host: string;
  /** As received, escapes and all, or as a hook before has rewritten it; `*` for `OPTIONS *`. */
  readonly path: string;
  /** Without the `?`; `""` when there is none. */
  readonly query: string;
  /** Scheme, host, path and query in one. */
  readonly url: string;
  /** After `trustedProxies`, in the usual text form; `unix` for a client on a UNIX socket. */
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly listener: string;
  /** `""` before a route is found. */
  readonly routeId: string;
  /** What the route's path captured, by name, unescaped; empty before a route is found. */
  readonly params: Readonly<Record<string, string>>;
  /** Who the client is by TLS. Always null as long as there is no TLS. */
  readonly tls: null;
  /** Fields by name, as received; a copy, made once. */
  readonly headers: Headers;
  readonly cookies: Readonly<Record<string, string>>;
  /** Aborted when the client is gone or the request is over. */
  readonly signal: AbortSignal;
  /** The value of a field by name in any case, several joined with `, `, of `Cookie` with `; `; null when absent. */
  header(name: string): string | null;
  /** The value of the first cookie of this name; null when absent. */
  cookie(name: string): string | null;
  /** The first query parameter of this name, unescaped, as UTF-8 where it is that; null when absent. */
  queryParameter(name: string): string | null;
  /** A Web-standard request without the body. Throws where the client's host or method is none that one may have. */
  toRequest(): Request;
}

/** What a hook is given beside the request. */
export interface HookContext {
  /** The hook's name in logs and counts: `hooks.onRequest`, `routes.api.decide`. */
  readonly hook: string;
  /** Aborted when the hook's deadline is over, or the client gone, before it has answered; behind that: `request.signal`. */
  readonly signal: AbortSignal;
  /**
   * The value of `key`: kept, or loaded by `load`, once for all who ask at the same time. Answers the value itself when
   * it is fresh, so that nobody waits for nothing; `await` takes both. Shared by all hooks of a proxy, kept across reloads.
   */
  cache<T>(key: string, load: CacheLoad<T>, options?: CacheOptions): T | Promise<T>;
  /** Asks one of Millrace's own upstreams, `http://NAME/path`: balanced, checked, retried and pooled as for clients. */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** A line in the log, with the hook's name and the request's id. */
  log(message: string): void;
}

/** Brings a value that is not kept; its `signal` aborts when `timeout` is over. */
export type CacheLoad<T> = (signal: AbortSignal) => T | Promise<T>;

/** Times as in configurations (`"500ms"`, `"24h"`), or in milliseconds. */
export interface CacheOptions {
  /** How long a value is fresh; default `"1s"`. */
  readonly ttl?: string | number | undefined;
  /** How long after that it is still answered at once while it is loaded anew; default `"0s"`. */
  readonly staleWhileRevalidate?: string | number | undefined;
  /** How long after `ttl` it is still answered when loading fails; default: as `staleWhileRevalidate`. */
  readonly staleIfError?: string | number | undefined;
  /** How long null or undefined ("there is none") is fresh; default: as `ttl`. */
  readonly negativeTtl?: string | number | undefined;
  /** Loading that takes longer has failed; default `"1s"`. */
  readonly timeout?: string | number | undefined;
}

/** Changes to fields. Those that frame a message or belong to one connection are refused. */
export interface HeaderEdits {
  /** Replaces every field of that name. */
  readonly set?: Readonly<Record<string, string>> | undefined;
  readonly add?: Readonly<Record<string, string | readonly string[]>> | undefined;
  readonly remove?: string | readonly string[] | undefined;
}

type Eventually<T> = T | Promise<T>;
// biome-ignore lint/suspicious/noConfusingVoidType: a function that answers nothing is a hook, too
type Nothing = void | null | undefined;
/** Without any of these: compilers take what belongs to one form of a union for right in all of them. */
type Without<T> = { readonly [K in keyof T]?: undefined };

/** Nothing goes on unchanged. */
export type RequestVerdict =
  | Nothing
  /** The answer; no server is asked. */
  | Response
  | (RequestDenial & Without<RequestChange>)
  | (RequestChange & Without<RequestDenial>);

/** An answer of the proxy's that says no. */
export interface RequestDenial {
  /** A status from 400 to 599. */
  readonly deny: number;
  readonly body?: string | undefined;
}

/** What `onRequest` changes of a request; what is left out stays. */
export interface RequestChange {
  /** Begins with `/`; escaped as it is to be sent. */
  readonly path?: string | undefined;
  /** Without the `?`; `""` takes it away. */
  readonly query?: string | undefined;
  /** What routes are chosen by, and what is sent upstream. */
  readonly host?: string | undefined;
  readonly headers?: HeaderEdits | undefined;
}
/** Allows, denies, answers or changes a request. */
export type OnRequest = (request: HookRequest, context: HookContext) => Eventually<RequestVerdict>;

/** What `decide` answers. */
export type Decision =
  /** The route's own upstream; a route without one goes by the hook's fallback. */
  | Nothing
  /** The name of an upstream. */
  | string
  | (UpstreamDecision & Without<Pick<TargetDecision, "target">>)
  | (TargetDecision & Without<Omit<UpstreamDecision, "host" | "headers">>)
  | Response;

/** An upstream, and if need be a server of it. */
export interface UpstreamDecision {
  readonly upstream: string;
  /** A server of it as it is written, `10.0.0.7:8080`, a name for any of its addresses: comes first as long as it is well and has not failed this request. */
  readonly server?: string | undefined;
  /** Only `server` may answer: rather 503 than another one. */
  readonly strict?: boolean | undefined;
  /** What the upstream's hash balancer goes by, instead of what its configuration says. */
  readonly hashKey?: string | undefined;
  /** The `Host` to send; the route's or the client's when left out. */
  readonly host?: string | undefined;
  readonly headers?: HeaderEdits | undefined;
}

/** A target in no list. */
export interface TargetDecision {
  /** `http://HOST:PORT`, in no list; every address of HOST must be inside `allowTargets`. */
  readonly target: string;
  readonly host?: string | undefined;
  readonly headers?: HeaderEdits | undefined;
}
/** Chooses where a request goes. */
export type Decide = (request: HookRequest, context: HookContext) => Eventually<Decision>;

/** One try, before it is made. */
export interface HookAttempt {
  /** From 1. */
  readonly number: number;
  readonly upstream: string;
  /** Label of the server the balancer has chosen. */
  readonly server: string;
  /** All servers of the upstream; made when asked for. */
  readonly candidates: readonly HookCandidate[];
  /** Why the try before failed, a fault's code or `status 503`; `""` for the first. */
  readonly failure: string;
}

/** A server of the upstream, as `onAttempt` sees it. */
export interface HookCandidate {
  readonly server: string;
  readonly state: string;
  /** Whether the balancer may choose it now. */
  readonly isEligible: boolean;
  readonly isTried: boolean;
  /** The one in effect. */
  readonly weight: number;
  readonly inFlight: number;
  /** Of its answers, on average, as `balance: peak-ewma` and `least-time` measure it; -1 with any other, and before the first. */
  readonly latencyMs: number;
}

/** What `onAttempt` answers: nothing, or another server or other headers for this try. */
export type AttemptChange =
  | Nothing
  | ({
      /** Label of one of the candidates. */
      readonly server?: string | undefined;
      /** For this try only. */
      readonly headers?: HeaderEdits | undefined;
    } & Without<Pick<HookCandidate, "state">>);
/** Looks at each try before it is made. */
export type OnAttempt = (attempt: HookAttempt, request: HookRequest, context: HookContext) => Eventually<AttemptChange>;

/** The head of a response, before it goes to the client. */
export interface HookResponse {
  readonly status: number;
  readonly upstream: string;
  readonly server: string;
  /** Tries made so far, this one included. */
  readonly attempts: number;
  readonly headers: Headers;
  header(name: string): string | null;
}

/** What `onResponse` answers: nothing, a Response instead, or another status and other headers. */
export type ResponseChange =
  | Nothing
  /** Instead of the server's. */
  | Response
  | ({ readonly status?: number | undefined; readonly headers?: HeaderEdits | undefined } & Without<
      Pick<Response, "body">
    >);
/** Changes a server's response, or replaces it. */
export type OnResponse = (
  response: HookResponse,
  request: HookRequest,
  context: HookContext,
) => Eventually<ResponseChange>;

/** A body as hooks are given it: what streams of the platform take, such as a DecompressionStream. */
export type ReceivedStream = ReadableStream<Uint8Array<ArrayBuffer>>;
/** A body as hooks answer it. */
export type ByteStream = ReadableStream<Uint8Array>;
/** Nothing passes the body on as it is; a Response goes to the client, and the request to no server. */
export type TransformRequestBody = (
  body: ReceivedStream,
  request: HookRequest,
  context: HookContext,
) => Eventually<ByteStream | Response | Nothing>;
/** Passes the body of a response on as another stream; nothing passes it on as it is. */
export type TransformResponseBody = (
  body: ReceivedStream,
  response: HookResponse,
  request: HookRequest,
  context: HookContext,
) => Eventually<ByteStream | Nothing>;

/** How a request went; a copy that may be kept. Bytes are of bodies. */
export interface HookOutcome {
  readonly id: string;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly clientAddress: string;
  readonly listener: string;
  readonly routeId: string;
  readonly upstream: string;
  readonly server: string;
  /** 0 when nothing was answered. */
  readonly status: number;
  readonly attempts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly durationMs: number;
  readonly firstByteMs: number;
  /** The fault's code; `""` when all went well. */
  readonly fault: string;
  header(name: string): string | null;
}
/** Is told how a request went. */
export type OnFinish = (outcome: HookOutcome, context: HookContext) => Eventually<unknown>;

/** A route's target that is a program: a Hono app, or whatever else has a `fetch` like it, or such a function. */
export type FetchHandler = (request: Request) => Eventually<Response>;
/** A program that answers requests: a function, or whatever has a `fetch`, such as a Hono app. */
export type Mount = FetchHandler | { readonly fetch: FetchHandler };

/** What a hook that fails, hangs or answers nonsense is replaced by. */
export type Fallback =
  /** As if it had answered nothing. */
  | "ignore"
  /** An answer with this status and the code `hook_failed`. */
  | { readonly status: number }
  /** For `decide`: this upstream. */
  | { readonly upstream: string };

/** A hook ready to run. */
export interface HookDefinition<F> {
  readonly kind: HookKind;
  /** `hooks.onRequest`, `routes.api.decide`. */
  readonly name: string;
  readonly run: F;
  readonly timeoutMs: number;
  readonly fallback: Fallback;
  /** `file:line` of the function, where that is known; else `""`. */
  readonly source: string;
}

/** Tells `file:line` of a function, `""` where nobody knows. */
export type SourceOf = (code: object) => string;

export type HookKind = keyof HookFunctions;

export interface HookFunctions {
  readonly onRequest: OnRequest;
  readonly decide: Decide;
  readonly onAttempt: OnAttempt;
  readonly onResponse: OnResponse;
  readonly transformRequestBody: TransformRequestBody;
  readonly transformResponseBody: TransformResponseBody;
  readonly onFinish: OnFinish;
}

/** Of the whole configuration or of one route. */
export type HookDefinitions = { readonly [K in HookKind]?: HookDefinition<HookFunctions[K]> };
