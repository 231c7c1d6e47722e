// The bdd module of JSR's @std/testing, over node:test, so that one test file runs on Node, Deno and Bun.
//
// Only what behaves alike in the original is here: no test context, no options but `ignore` and `only`, no flat grouping
// by suite object. A test written against this file therefore runs unchanged on the original, which exists for Deno only
// (it registers with Deno.test): change the one import line in deno.json to use it there.

import * as nodeTest from "node:test";

export type TestFunction = () => void | Promise<void>;

export interface TestOptions {
  /** Not run, and counted as skipped: say why in the name or in a comment. */
  readonly ignore?: boolean;
  readonly only?: boolean;
}

export interface Register {
  (name: string, fn: TestFunction): void;
  (name: string, options: TestOptions, fn: TestFunction): void;
}

export interface RegisterWithVariants extends Register {
  readonly only: Register;
  readonly ignore: Register;
  /** Alias of `ignore`. */
  readonly skip: Register;
}

export const describe: RegisterWithVariants = withVariants(nodeTest.describe);
export const it: RegisterWithVariants = withVariants(nodeTest.it);
export const test: RegisterWithVariants = it;

export function beforeAll(fn: TestFunction): void {
  nodeTest.before(() => fn());
}

export function afterAll(fn: TestFunction): void {
  nodeTest.after(() => fn());
}

export function beforeEach(fn: TestFunction): void {
  nodeTest.beforeEach(() => fn());
}

export function afterEach(fn: TestFunction): void {
  nodeTest.afterEach(() => fn());
}

export const before: typeof beforeAll = beforeAll;
export const after: typeof afterAll = afterAll;

type NodeRegister = (name: string, options: { only?: boolean }, fn: TestFunction) => unknown;

function withVariants(nodeRegister: NodeRegister): RegisterWithVariants {
  const register = variant(nodeRegister, {});
  const ignore = variant(nodeRegister, { ignore: true });
  return Object.assign(register, { only: variant(nodeRegister, { only: true }), ignore, skip: ignore });
}

function variant(nodeRegister: NodeRegister, always: TestOptions): Register {
  return (name: string, optionsOrFn: TestOptions | TestFunction, fn?: TestFunction): void => {
    const options = typeof optionsOrFn === "function" ? always : { ...optionsOrFn, ...always };
    const body = typeof optionsOrFn === "function" ? optionsOrFn : fn;
    if (body === undefined) throw new TypeError(`"${name}" has no function: give one as the last argument`);
    // An ignored suite is one skipped test: as a skipped suite Bun would leave it out of its report altogether.
    if (options.ignore === true) nodeTest.it(name, { skip: true }, () => undefined);
    // node:test reads the function's arity (two parameters mean a callback), hence the arrow without any.
    else nodeRegister(name, options.only === true ? { only: true } : {}, () => body());
  };
}
