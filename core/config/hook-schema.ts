/** Functions in a configuration: how they are written, their deadlines and fallbacks, and what that means. */

import * as v from "valibot";
import { HOOK_TIMEOUT_MS } from "../limits.ts";
import type {
  Fallback,
  FetchHandler,
  HookDefinition,
  HookDefinitions,
  HookFunctions,
  HookKind,
  Mount,
  SourceOf,
} from "../script/hooks.ts";
import { formatDuration } from "../time/duration.ts";
import { describe, isRecord, quote } from "./problem.ts";
import { count, described, duration, meant, optional, section, text } from "./shapes.ts";

const FORMS = "a function, { run, timeout, fallback }, or { script, export, timeout, fallback }";

const Status = section({ status: described(count({ min: 400, max: 599 }), "An answer with this status.") });
const OtherUpstream = section({ upstream: described(text("the name of an upstream"), "Forward to this upstream.") });
const ignore = v.literal("ignore", 'expected "ignore" or a map such as { status: 503 }');

const fallback = described(
  meant([ignore, Status], (input) => (isRecord(input) ? Status : ignore), '"ignore" or { status: 503 }'),
  "When it throws, takes too long or answers nonsense: `{ status: 503 }`, or `ignore` to go on as if it had said nothing.",
);

const decideFallback = described(
  meant(
    [ignore, Status, OtherUpstream],
    (input) => (!isRecord(input) ? ignore : "upstream" in input ? OtherUpstream : Status),
    '"ignore", { upstream: NAME } or { status: 503 }',
  ),
  "When it throws, takes too long or answers nonsense: `{ upstream: NAME }`, `{ status: 503 }`, or `ignore` for the route's own upstream.",
);

const script = {
  script: optional(
    text("a file name"),
    "Instead of `run`: a TypeScript or JavaScript file, relative to this one, that exports the function.",
  ),
  export: optional(text("a name"), "The name it is exported by; `default` when left out."),
};

const timeout = optional(duration(), "How long it may take.", formatDuration(HOOK_TIMEOUT_MS));

/** A function, of which `what` says how it is called; `functionType` is what TypeScript calls its type. */
function code<F>(what: string, functionType: string) {
  return v.pipe(
    v.custom<F>(
      (value) => typeof value === "function",
      (issue) => `expected a function ${what}, got ${describe(issue.input)}${scriptHint(issue.input)}`,
    ),
    v.metadata({ unit: "function", functionType }),
  );
}

function hook<K extends HookKind, const S extends v.GenericSchema>(kind: K, what: string, fallbackSchema: S) {
  const run = code<HookFunctions[K]>(what, `${kind[0]!.toUpperCase()}${kind.slice(1)}`);
  const fields = section({
    run: optional(run, "The function, in a configuration that is a program."),
    ...script,
    timeout,
    fallback: v.optional(fallbackSchema),
  });
  return meant([run, fields], (input) => (isRecord(input) ? fields : run), FORMS);
}

const kinds = {
  onRequest: hook("onRequest", "(request, context)", fallback),
  decide: hook("decide", "(request, context)", decideFallback),
  onAttempt: hook("onAttempt", "(attempt, request, context)", fallback),
  onResponse: hook("onResponse", "(response, request, context)", fallback),
  transformRequestBody: hook("transformRequestBody", "(body, request, context)", fallback),
  transformResponseBody: hook("transformResponseBody", "(body, response, request, context)", fallback),
  onFinish: hook("onFinish", "(outcome, context)", described(ignore, "Nothing else can follow: the request is over.")),
};

export const Hooks = section({
  onRequest: optional(kinds.onRequest, "Allows, denies, answers or rewrites a request."),
  decide: optional(
    kinds.decide,
    "Chooses the upstream, one of its servers, or a target in no list, for routes with `upstream`.",
  ),
  onAttempt: optional(kinds.onAttempt, "Before each try: chooses among the servers, changes headers."),
  onResponse: optional(kinds.onResponse, "Changes status and headers of a response, or replaces it."),
  transformRequestBody: optional(
    kinds.transformRequestBody,
    "Passes the body of a request on as another stream; `timeout` is the longest pause in it.",
  ),
  transformResponseBody: optional(
    kinds.transformResponseBody,
    "Passes the body of a response on as another stream; `timeout` is the longest pause in it.",
  ),
  onFinish: optional(kinds.onFinish, "Is told how a request went, when it is over."),
});

/** A route's action: a function that decides. */
export const Target = kinds.decide;

const handler = v.pipe(
  v.custom<Mount>(
    isHandler,
    (issue) =>
      `expected a function (request), or an app with fetch, got ${describe(issue.input)}${scriptHint(issue.input)}`,
  ),
  v.metadata({ unit: "function", functionType: "Mount" }),
);
const HandlerScript = section({
  script: described(
    text("a file name"),
    "A TypeScript or JavaScript file, relative to this one, that exports the app.",
  ),
  export: script.export,
});
/** A route's action: a program that answers. */
export const MountTarget = meant(
  [handler, HandlerScript],
  (input) => (isRecord(input) && "script" in input ? HandlerScript : handler),
  "a function (request), an app with fetch, or { script, export }",
);

const unload = code<() => unknown>("()", "() => unknown");
const UnloadScript = section({
  script: described(text("a file name"), "A TypeScript or JavaScript file, relative to this one, that exports it."),
  export: script.export,
});
/** Told when a configuration is no longer in use. */
export const OnUnload = meant(
  [unload, UnloadScript],
  (input) => (isRecord(input) ? UnloadScript : unload),
  "a function (), or { script, export }",
);

export type ParsedHooks = v.InferOutput<typeof Hooks>;
export type ParsedHook = NonNullable<ParsedHooks["decide"]>;
export type ParsedMount = v.InferOutput<typeof MountTarget>;

/** What a file said of a script that nobody has loaded: only who reads files can. */
export const NOT_LOADED = "names a script, which only a configuration file can do; give the function itself";

/** `place` is what its name begins with: `hooks` or `routes.api`. Every function is there (`cross-checks.ts`). */
export function defineHooks(hooks: ParsedHooks | undefined, place: string, sourceOf: SourceOf): HookDefinitions | null {
  const given = Object.entries(hooks ?? {}).filter(([, each]) => each !== undefined);
  if (given.length === 0) return null;
  return Object.fromEntries(
    given.map(([kind, each]) => [kind, defineHook(kind as HookKind, each as ParsedHook, `${place}.${kind}`, sourceOf)]),
  );
}

export function defineHook<K extends HookKind>(
  kind: K,
  hook: ParsedHook,
  name: string,
  sourceOf: SourceOf,
): HookDefinition<HookFunctions[K]> {
  const {
    run,
    timeoutMs,
    fallback: chosen,
  } = typeof hook === "function"
    ? { run: hook, timeoutMs: HOOK_TIMEOUT_MS, fallback: undefined }
    : { run: hook.run, timeoutMs: hook.timeout, fallback: hook.fallback };
  if (run === undefined) throw new Error(`${name}: a hook without a function`);
  return {
    kind,
    name,
    run: run as unknown as HookFunctions[K],
    timeoutMs,
    fallback: (chosen as Fallback | undefined) ?? FALLBACKS[kind],
    source: sourceOf(run),
  };
}

export function handlerOf(mount: ParsedMount): FetchHandler {
  if (typeof mount === "function") return mount;
  if ("fetch" in mount) return (request) => mount.fetch(request);
  throw new Error("a mount without a handler");
}

/** What is safe where nothing is said: who lets requests in does not, who only adds to them does without. */
const FALLBACKS: Readonly<Record<HookKind, Fallback>> = {
  onRequest: { status: 503 },
  decide: { status: 503 },
  onAttempt: "ignore",
  onResponse: { status: 502 },
  transformRequestBody: { status: 502 },
  transformResponseBody: { status: 502 },
  onFinish: "ignore",
};

/** YAML has no functions: a text there is the name of a file. */
function scriptHint(value: unknown): string {
  return typeof value === "string" ? `; for a file write { script: ${quote(value)} }` : "";
}

function isHandler(value: unknown): boolean {
  return typeof value === "function" || isProgram(value);
}

/** An app with `fetch`, as against a map of settings. */
export function isProgram(value: unknown): boolean {
  return typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function";
}
