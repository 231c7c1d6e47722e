// Whatever a hook answers, throws or calls a promise: its request ends, everybody else's goes on, and nothing is left.

import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { formatNotice } from "../../core/observe/notice-text.ts";
import type { HookKind } from "../../core/script/hooks.ts";
import { GET, ok, type Stage, stageWith, statusesTo } from "./stage.ts";

const no = (): never => {
  throw new Error("a trap");
};

/** Throws whenever it is looked at. */
const trapped = (target: object): object =>
  new Proxy(target, { get: no, has: no, ownKeys: no, getPrototypeOf: no, getOwnPropertyDescriptor: no });

/** A real promise that was given members of its own. */
const promiseWith = (name: "then" | "constructor", descriptor: PropertyDescriptor): Promise<unknown> =>
  Object.defineProperty(Promise.resolve(), name, descriptor);

type Hear = (value?: unknown) => void;

const THEN = "then";

/** Whatever calls itself a promise. */
const thenable = (value: (answer: Hear, fail: Hear) => void): unknown => Object.defineProperty({}, THEN, { value });

const used = new Response("once");

/** What calls itself a stream, and is read by these. */
const lying = (reader: unknown): object => ({ locked: false, getReader: () => reader });
const withBody = (body: unknown): object => ({ status: 200, headers: new Headers(), body, bodyUsed: false, url: "" });
const never = (): Promise<never> => new Promise(() => {});
const READERS: Readonly<Record<string, () => unknown>> = {
  "no reader": () => null,
  "a reader that answers nothing": () => ({ read: () => undefined, cancel: () => undefined }),
  "a reader that answers what cannot be looked at": () => ({ read: async () => trapped({}), cancel: no }),
  "a reader that throws": () => ({ read: no, cancel: no }),
  "a reader that answers never": () => ({ read: never, cancel: no }),
  "a reader whose promises are not": () => ({
    read: () => promiseWith("then", { value: no }),
    cancel: () => promiseWith("then", { value: no }),
  }),
};

/** What the functions do; each is called anew for each request. */
const ANSWERS: Readonly<Record<string, () => unknown>> = {
  "a number": () => 5,
  "a symbol": () => Symbol("x"),
  "a function": () => no,
  "a list": () => [],
  "an unknown member": () => ({ nonsense: 1 }),
  "a proxy whose traps throw": () => trapped({}),
  "a function that cannot be looked at": () => trapped(no),
  "members that throw": () => ({
    get headers() {
      return no();
    },
  }),
  "a status that is none": () => ({ status: Number.NaN }),
  "headers that smuggle": () => ({ headers: { set: { "X-A": "1\r\nX-B: 2" } } }),
  "headers that frame": () => ({ headers: { set: { "Content-Length": "7" } } }),
  "headers that cannot be listed": () => ({ headers: { set: trapped({}) } }),
  "very many headers": () => ({ headers: { remove: Array.from({ length: 100_000 }, (_, i) => `x-${i}`) } }),
  "a Response that was read": () => {
    used.text().catch(() => {});
    return used;
  },
  "the same Response each time": () => used,
  "something like a Response": () => ({ status: 200, headers: { getSetCookie: no }, body: null }),
  "a body that fails": () => new Response(new ReadableStream({ pull: no })),
  "an error": () => new Error("answered, not thrown"),
  "a throw": no,
  "a throw of nothing": () => {
    throw undefined;
  },
  "a throw of what cannot be looked at": () => {
    throw trapped(new Error("x"));
  },
  "an error without a message": () => {
    throw Object.assign(new Error("x"), { message: undefined });
  },
  "an error whose message is no text": () => {
    throw Object.assign(new Error("x"), { message: Symbol("x") });
  },
  "a rejection of what cannot be looked at": () => Promise.reject(trapped(new Error("x"))),
  "a promise for ever": () => new Promise(() => {}),
  "a promise of nonsense": async () => Symbol("x"),
  "a then that throws when it is looked at": () => Object.defineProperty({}, THEN, { get: no }),
  "a then that throws": () => thenable(no),
  "a then that does nothing": () => thenable(() => {}),
  "a then that calls both, twice": () =>
    thenable((answer, fail) => {
      answer(5);
      fail(no);
      answer();
      fail();
    }),
  "a then of a then": () => thenable((answer) => answer(thenable((inner) => inner(5)))),
  "a promise with a then that calls both, twice": () =>
    promiseWith("then", {
      value: (answer: Hear, fail: Hear) => {
        answer(5);
        answer();
        fail(no);
      },
    }),
  "a promise with a then that throws": () => promiseWith("then", { value: no }),
  "a promise with a then that does nothing": () => promiseWith("then", { value: () => {} }),
  "a promise whose constructor throws": () => promiseWith("constructor", { get: no }),
  ...Object.fromEntries(Object.entries(READERS).map(([name, make]) => [`a stream with ${name}`, () => lying(make())])),
  ...Object.fromEntries(
    Object.entries(READERS).map(([name, make]) => [`a Response with ${name}`, () => withBody(lying(make()))]),
  ),
};

const KINDS: readonly (HookKind | "mount")[] = [
  "mount",
  "onRequest",
  "decide",
  "onAttempt",
  "onResponse",
  "transformRequestBody",
  "transformResponseBody",
  "onFinish",
];

const HOSTILE = "POST /hostile HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

async function settle({ sim }: Stage): Promise<void> {
  for (let i = 0; i < 5; i++) {
    sim.drive();
    await sim.settle();
  }
}

/** Hostile requests, of which some clients leave, and others before, between and behind them. */
async function play(kind: HookKind | "mount", run: () => unknown): Promise<void> {
  const what = kind === "mount" ? { mount: run } : { upstream: "app", hooks: { [kind]: { run, timeout: "300ms" } } };
  const stage = await stageWith({
    timeouts: { responseIdle: "300ms", firstByte: "300ms" },
    routes: [{ id: "hostile", match: { path: "/hostile" }, ...what }, { upstream: "app" }] as never,
    script: { onRequest: () => ok("right") },
  });
  const other = stage.client();
  const clients = [];
  for (let i = 0; i < 2; i++) {
    other.send(GET);
    clients.push(stage.ask(HOSTILE));
    const leaving = stage.ask(HOSTILE);
    await settle(stage);
    leaving.reset();
    other.send(GET);
    await settle(stage);
  }
  assert.equal(other.text().match(/\r\n\r\nright/g)?.length, 4, "others are answered while it waits");
  for (let i = 0; i < 8; i++) {
    stage.sim.advance(200);
    await settle(stage);
  }
  for (const client of clients) assert.ok(client.closed !== null || statusesTo(client).length === 1, "it has an end");
  assert.equal(stage.exchanges.length, 8, "each is reported");
  assert.deepEqual(statusesTo(other), [200, 200, 200, 200]);
  for (const { pending, hung, calls, failures } of stage.proxy.hookStates()) {
    assert.ok(
      hung >= 0 && pending >= hung && calls >= pending,
      `${pending} pending, ${hung} of them hung, ${calls} calls`,
    );
    assert.ok(failures <= calls, `${failures} failures of ${calls} calls`);
  }
  for (const notice of stage.notices) assert.match(formatNotice(notice, 0), /^\S+ (error|info|notice) /);
  await stage.close();
}

describe("hostile hooks", () => {
  for (const kind of KINDS) {
    it(`of kind ${kind} end with their own request`, async () => {
      for (const [name, run] of Object.entries(ANSWERS)) {
        try {
          await play(kind, run);
        } catch (error) {
          throw new Error(`${kind} with ${name}: ${(error as Error).stack}`, { cause: error });
        }
      }
    });
  }
});
