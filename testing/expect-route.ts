import type { Config, ConfigFunction } from "../core/config/define.ts";
import { ExpectationError } from "./assertion.ts";
import type { RequestOptions } from "./request-line.ts";
import { routeReasons } from "./route-reasons.ts";
import type { TestRequest } from "./server-answer.ts";
import { among, TestProxy, type TestProxyOptions, testProxy } from "./test-proxy.ts";
import type { TestResponse } from "./test-response.ts";

/** What a server should get. What is left out is not looked at. */
export interface SentRequest {
  readonly method?: string;
  /** Without the query. */
  readonly path?: string;
  /** Without the `?`; `""` for none. */
  readonly query?: string;
  readonly host?: string;
  /** By name in any case: the value, an expression it matches, or null for a header that must not be there. */
  readonly headers?: Readonly<Record<string, string | RegExp | null>>;
  readonly body?: string;
}

/** Each has to be awaited. Throws an ExpectationError that says what was expected, what came, and why. */
export interface RouteExpectation {
  /** A server of this upstream gets the request, or just the one of this address. */
  toReach(upstream: string, which?: { readonly server?: string }): Promise<void>;
  /** By the id of the configuration, `routes[3]` where it gives none. */
  toHaveRoute(id: string): Promise<void>;
  /** No server is asked; `to` is the whole `Location`. */
  toRedirect(to: string | RegExp, status?: number): Promise<void>;
  /** No server is asked, and nothing went wrong; `body` is the whole of it. */
  toRespond(status: number, body?: string | RegExp): Promise<void>;
  /** The proxy refuses it, for example with `client.no-route`; without a code for any reason. */
  toBeRefused(code?: string): Promise<void>;
  /** A server gets the request, and gets it like this. */
  toSend(request: SentRequest): Promise<void>;
  /** The opposite of each. */
  readonly not: Omit<RouteExpectation, "not">;
}

/**
 * What becomes of one request, as an assertion. A real proxy handles it, hooks included; its servers answer 200.
 *
 *     await expectRoute(config, "GET https://a.example/x").toReach("api");
 *
 * Instead of a configuration it takes a proxy made by `testProxy`, with its servers as they are.
 */
export function expectRoute(
  config: Config | ConfigFunction | TestProxy,
  line: string,
  options: RequestOptions & TestProxyOptions = {},
): RouteExpectation {
  const matchers = (isNot: boolean): Omit<RouteExpectation, "not"> => {
    const check = (name: string, wanted: string, judge: (seen: Seen) => boolean): Promise<void> =>
      expectSeen(config, line, options, { name: isNot ? `not.${name}` : name, wanted, isNot, judge });
    return {
      toReach: (upstream, { server } = {}) =>
        check("toReach", `reach upstream ${upstream}${server === undefined ? "" : `, server ${server}`}`, (seen) => {
          seen.proxy.upstream(upstream);
          if (server !== undefined) seen.proxy.server(server);
          return reached(seen, upstream, server);
        }),
      toHaveRoute: (id) =>
        check("toHaveRoute", `take route ${id}`, ({ proxy, response }) => {
          const ids = proxy.snapshot.table.routes.map((route) => route.id);
          if (!ids.includes(id)) throw new Error(`no route ${JSON.stringify(id)}: ${among(id, ids)}`);
          return response.route === id;
        }),
      toRedirect: (to, status) =>
        check(
          "toRedirect",
          `redirect to ${to}${status === undefined ? "" : ` with ${status}`}`,
          ({ response, sent }) => {
            const isRedirect = response.status >= 300 && response.status < 400 && response.headers.has("location");
            const isStatus = status === undefined || response.status === status;
            return isRedirect && isStatus && sent === null && fits(response.headers.get("location"), to);
          },
        ),
      toRespond: (status, body) =>
        check(
          "toRespond",
          `be answered ${status}${body === undefined ? "" : ` ${quoted(body)}`} by the proxy itself`,
          (seen) => {
            const { response, sent } = seen;
            const isOwn = sent === null && response.fault === "" && response.status === status;
            return isOwn && (body === undefined || fits(response.body, body));
          },
        ),
      toBeRefused: (code) =>
        check("toBeRefused", `be refused${code === undefined ? "" : ` by ${code}`}`, ({ response: { fault } }) =>
          code === undefined ? fault !== "" : fault === code,
        ),
      toSend: (request) =>
        check("toSend", `send ${sentText(request)}`, ({ sent }) => sent !== null && isSent(sent, request)),
    };
  };
  return { ...matchers(false), not: matchers(true) };
}

/** What became of the request. */
interface Seen {
  readonly proxy: TestProxy;
  readonly response: TestResponse;
  /** As the server of the last try got it; null: none did. */
  readonly sent: TestRequest | null;
}

interface Check {
  readonly name: string;
  readonly wanted: string;
  readonly isNot: boolean;
  judge(seen: Seen): boolean;
}

async function expectSeen(
  config: Config | ConfigFunction | TestProxy,
  line: string,
  options: RequestOptions & TestProxyOptions,
  check: Check,
): Promise<void> {
  const proxy = config instanceof TestProxy ? config : await testProxy(config, options);
  try {
    const before = new Set(proxy.received);
    const response = await proxy.request(line, options);
    const received = proxy.received.filter((request) => !before.has(request));
    const seen = { proxy, response, sent: sentOf(proxy, response, received) };
    if (check.judge(seen) === check.isNot) throw failure(seen, line, options, check);
  } finally {
    if (proxy !== config) await proxy.close();
  }
}

/** What hooks ask servers of their own accord is not the request. */
function sentOf(proxy: TestProxy, { attempts, server }: TestResponse, received: TestRequest[]): TestRequest | null {
  if (attempts === 0) return null;
  const address = proxy.addressOf(server);
  return received.filter((request) => request.server === address).at(-1) ?? null;
}

function failure(seen: Seen, line: string, options: RequestOptions, { name, wanted, isNot }: Check): ExpectationError {
  const expected = `${isNot ? "not " : ""}to ${wanted}`;
  const actual = whatCame(seen);
  // What was taken and sent all the same is not explained by the routes that were not.
  const isOfRoutes = !isNot && !(name === "toSend" && seen.sent !== null);
  const reasons = !isOfRoutes ? [] : routeReasons(seen.proxy.snapshot, seen.response.route, line, options);
  const shown = reasons.slice(0, REASONS_MAX);
  if (reasons.length > shown.length) shown.push(`… and ${reasons.length - shown.length} further routes`);
  const why = shown.length === 0 ? "" : `\n  why:      ${shown.join("\n            ")}`;
  const sent = name.endsWith("toSend") && seen.sent !== null ? `\n  sent:     ${receivedText(seen.sent)}` : "";
  return new ExpectationError(`${line}\n  expected: ${expected}\n  got:      ${actual}${sent}${why}`, {
    expected,
    actual,
    operator: name,
  });
}

/** More are not read. */
const REASONS_MAX = 12;

function whatCame({ response, sent }: Seen): string {
  const { status, upstream, server, route, fault } = response;
  const by = route === "" ? "no route" : `route ${route}`;
  const location = response.headers.get("location");
  if (fault !== "") return `${status} ${fault}, ${by}${upstream === "" ? "" : `, upstream ${upstream}`}`;
  if (sent !== null && upstream !== "") return `${status} from upstream ${upstream}, server ${server}, ${by}`;
  if (location !== null) return `${status} to ${location}, ${by}`;
  return `${status} ${quoted(response.body)} from the proxy itself, ${by}`;
}

function reached({ response, sent }: Seen, upstream: string, server: string | undefined): boolean {
  if (sent === null || response.upstream !== upstream) return false;
  return server === undefined || response.server === server || sent.server === server;
}

function isSent(sent: TestRequest, { method, path, query, host, headers = {}, body }: SentRequest): boolean {
  const pairs = [
    [sent.method, method],
    [sent.path, path],
    [sent.query, query],
    [sent.host, host],
    [sent.body, body],
  ];
  if (pairs.some(([is, wanted]) => wanted !== undefined && is !== wanted)) return false;
  return Object.entries(headers).every(([name, wanted]) => {
    const value = sent.headers.get(name);
    return wanted === null ? value === null : fits(value, wanted);
  });
}

function fits(value: string | null, wanted: string | RegExp): boolean {
  if (value === null) return false;
  // A copy: one with the flag g would remember where it was.
  return typeof wanted === "string"
    ? value === wanted
    : new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, "")).test(value);
}

function sentText({ headers = {}, ...rest }: SentRequest): string {
  const parts = Object.entries(rest).map(([name, value]) => `${name} ${quoted(String(value))}`);
  parts.push(...Object.entries(headers).map(([name, value]) => (value === null ? `no ${name}` : `${name}: ${value}`)));
  return parts.join(", ");
}

function receivedText({ method, target, fields }: TestRequest): string {
  return [`${method} ${target}`, ...fields.map(([name, value]) => `${name}: ${value}`)].join("\n            ");
}

function quoted(text: string | RegExp): string {
  if (typeof text !== "string") return String(text);
  return JSON.stringify(text.length > 120 ? `${text.slice(0, 117)}...` : text);
}
