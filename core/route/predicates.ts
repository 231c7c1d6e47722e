/**
 * Conditions other than host and path, compiled to functions that hold, fail, or cannot tell. A condition that
 * cannot tell (text that is not UTF-8 for an expression, text over the expression's limit, a client without an
 * address) makes the request be refused: taking it for "fails" would open what a `not` closes (N11).
 */

import { byteText, decodeUtf8, trimBlanks } from "../bytes/text.ts";
import { type AddressSet, compileAddresses, isAddressBlock, UNIX_CLIENT } from "../http/address-block.ts";
import { compileHost, type HostPattern, hostMatches } from "./hosts.ts";
import {
  CANNOT_TELL,
  type CompiledPath,
  compilePath,
  FAILS,
  HOLDS,
  pathMatches,
  type Reading,
  type Verdict,
} from "./paths.ts";
import { compilePattern, type Pattern } from "./pattern.ts";
import { forEachParameter } from "./query.ts";
import type { NamedCondition, RouteConditions, RouteRequest } from "./route.ts";

export type Condition = (request: RouteRequest, path: string, reading: Reading) => Verdict;

/** Reports what is wrong at a path below the conditions. */
export type Report = (path: readonly (string | number)[], message: string) => void;

export interface CompiledConditions {
  readonly hosts: readonly HostPattern[];
  readonly paths: readonly CompiledPath[];
  readonly methods: readonly string[];
  /** Everything but hosts and paths, methods included; all must hold. */
  readonly others: readonly Condition[];
  /** How many there are beside host, path and method: more come first. */
  readonly count: number;
  /** Whether a `not` looks at the path. */
  readonly notNeedsPath: boolean;
}

export const NO_CONDITIONS: RouteConditions = Object.freeze({
  hosts: [],
  paths: [],
  methods: [],
  headers: [],
  query: [],
  clients: [],
  listeners: [],
  not: [],
});

export function compileConditions(conditions: RouteConditions, report: Report): CompiledConditions {
  const hosts = collect(conditions.hosts, compileHost, ["hosts"], report);
  const paths = collect(conditions.paths, compilePath, ["paths"], report);
  const others: Condition[] = [];
  const { methods, listeners } = conditions;
  if (methods.length > 0) others.push((request) => (methods.includes(request.method) ? HOLDS : FAILS));
  if (listeners.length > 0) others.push((request) => (listeners.includes(request.listener) ? HOLDS : FAILS));
  const addresses = conditions.clients.length === 0 ? null : compileClients(conditions.clients, report);
  if (addresses !== null) others.push((request) => verdictOf(addresses.has(request.clientAddress)));
  for (const named of groupByName(conditions.headers, "headers", report)) others.push(headerCondition(named));
  for (const named of groupByName(conditions.query, "query", report)) others.push(queryCondition(named));
  const nots = conditions.not.map((inner, index) => compileNot(inner, index, report));
  for (const not of nots) others.push(not.condition);
  return {
    hosts,
    paths,
    methods,
    others,
    count: others.length - (methods.length > 0 ? 1 : 0),
    notNeedsPath: nots.some((not) => not.needsPath),
  };
}

/** Fails when any fails, though another cannot tell. */
export function allHold(
  conditions: readonly Condition[],
  request: RouteRequest,
  path: string,
  reading: Reading,
): Verdict {
  let result: Verdict = HOLDS;
  for (const condition of conditions) {
    const verdict = condition(request, path, reading);
    if (verdict === FAILS) return FAILS;
    if (verdict === CANNOT_TELL) result = CANNOT_TELL;
  }
  return result;
}

interface NamedTests {
  readonly name: string;
  /** Any one is enough. */
  readonly tests: readonly TextTest[];
}

/** Latin1 text of the bytes. */
type TextTest = (text: string) => Verdict;

function compileNot(inner: RouteConditions, index: number, report: Report) {
  const compiled = compileConditions(inner, (path, message) => report(["not", index, ...path], message));
  const { hosts, paths, others } = compiled;
  if (hosts.length + paths.length + others.length === 0) {
    report(["not", index], "asks for nothing, so that the route would never match; name a condition");
  }
  const condition: Condition = (request, path, reading) => {
    if (hosts.length > 0 && !hosts.some((host) => hostMatches(host, request.host))) return HOLDS;
    const byPath = paths.length === 0 ? HOLDS : anyHolds(paths.map((one) => pathMatches(one, path, reading)));
    const byOthers = byPath === FAILS ? FAILS : allHold(others, request, path, reading);
    if (byOthers === FAILS) return HOLDS;
    return byPath === CANNOT_TELL || byOthers === CANNOT_TELL ? CANNOT_TELL : FAILS;
  };
  return { condition, needsPath: paths.length > 0 || compiled.notNeedsPath };
}

/** One of several values separated by commas is enough, so that a second line of a field doesn't hide the first. */
function headerCondition({ name, tests }: NamedTests): Condition {
  return (request) => {
    const value = request.header(name);
    if (value === null) return FAILS;
    const whole = anyHolds(tests.map((test) => test(value)));
    if (whole !== FAILS || !value.includes(",")) return whole;
    const members = value.split(",").map(trimBlanks);
    return anyHolds(members.flatMap((member) => tests.map((test) => test(member))));
  };
}

/** Any parameter of that name is enough. */
function queryCondition({ name, tests }: NamedTests): Condition {
  return (request) => {
    let result: Verdict = FAILS;
    forEachParameter(request.query, name, (value) => {
      const verdict = anyHolds(tests.map((test) => test(value)));
      if (verdict !== FAILS && result !== HOLDS) result = verdict;
    });
    return result;
  };
}

function groupByName(conditions: readonly NamedCondition[], key: string, report: Report): NamedTests[] {
  const groups = new Map<string, TextTest[]>();
  conditions.forEach((condition, index) => {
    const test = compileTest(condition, (message) => report([key, index], message));
    const name = byteText(condition.name);
    const tests = groups.get(name);
    if (tests === undefined) groups.set(name, [test]);
    else tests.push(test);
  });
  return [...groups].map(([name, tests]) => ({ name, tests }));
}

function compileTest({ value, regex }: NamedCondition, report: (message: string) => void): TextTest {
  if (value === null) return () => HOLDS;
  if (!regex) {
    const wanted = byteText(value);
    return (text) => (text === wanted ? HOLDS : FAILS);
  }
  const compiled = compilePattern(value);
  if ("problem" in compiled) {
    report(compiled.problem);
    return () => CANNOT_TELL;
  }
  return (text) => testPattern(compiled.pattern, text);
}

/** An expression sees characters, not bytes: `.` is one letter of a name in any script. */
function testPattern(pattern: Pattern, text: string): Verdict {
  const decoded = decodeUtf8(text);
  return decoded === null ? CANNOT_TELL : verdictOf(pattern.test(decoded));
}

function compileClients(clients: readonly string[], report: Report): AddressSet | null {
  const wrong = clients.findIndex((client) => client !== UNIX_CLIENT && !isAddressBlock(client));
  if (wrong === -1) return compileAddresses(clients);
  report(
    ["clients", wrong],
    `${JSON.stringify(clients[wrong])} is neither an IP address nor a block such as "10.0.0.0/8"`,
  );
  return null;
}

function collect<Source, Compiled extends object>(
  sources: readonly Source[],
  compile: (source: Source) => Compiled | { readonly problem: string },
  key: readonly string[],
  report: Report,
): Compiled[] {
  return sources.flatMap((source, index) => {
    const compiled = compile(source);
    if (!("problem" in compiled)) return [compiled as Compiled];
    report([...key, index], compiled.problem as string);
    return [];
  });
}

/** Holds when one does; else cannot tell when one cannot. */
export function anyHolds(verdicts: readonly Verdict[]): Verdict {
  return verdicts.includes(HOLDS) ? HOLDS : verdicts.includes(CANNOT_TELL) ? CANNOT_TELL : FAILS;
}

function verdictOf(answer: boolean | null): Verdict {
  return answer === null ? CANNOT_TELL : answer ? HOLDS : FAILS;
}
