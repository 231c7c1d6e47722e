import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { describe, it } from "@std/testing/bdd";
import { Slab } from "../../../core/bytes/slab.ts";
import { Timers } from "../../../core/time/timers.ts";
import type { StickyDefinition } from "../../../core/upstream/definition.ts";
import { Endpoint } from "../../../core/upstream/endpoint.ts";
import { Group } from "../../../core/upstream/group.ts";
import { Sticky } from "../../../core/upstream/sticky.ts";
import { createSimulation } from "../../../testing/sim.ts";
import { POOL, requestOf, serverOf, upstreamOf } from "./definitions.ts";

const { runtime } = createSimulation({ seed: 1 });
const surroundings = { runtime, timers: new Timers(0), slab: new Slab() };
const STICKY: StickyDefinition = { cookie: "app", secret: "0123456789abcdef", maxAgeSeconds: 3_600 };

const withCookie = (cookie: string) => requestOf({ header: (name) => (name === "cookie" ? cookie : null) });
/** As a browser sends it back. */
const sentBack = (setCookie: string): string => setCookie.split(";")[0]!;

describe("a sticky cookie", () => {
  const endpoints = [9001, 9002, 9003].map((port) => new Endpoint(serverOf(`127.0.0.1:${port}`), POOL, surroundings));
  const stickyOf = (own: Partial<StickyDefinition> = {}, upstream = "app"): Sticky => {
    const sticky = new Sticky(upstream, { ...STICKY, ...own }, runtime);
    sticky.follow(endpoints);
    return sticky;
  };
  const sticky = stickyOf();

  it("names its server, and has the attributes that keep it from scripts and strangers", () => {
    for (const endpoint of endpoints) {
      const line = sticky.cookieFor(endpoint, false);
      assert.match(line, /^app=[0-9a-f]{24}\.[0-9a-f]{32}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
      assert.equal(sticky.find(withCookie(sentBack(line))), endpoint);
      assert.equal(sticky.find(withCookie(`a=b; ${sentBack(line)}; c=d`)), endpoint);
    }
    assert.ok(sticky.cookieFor(endpoints[0]!, true).endsWith("; SameSite=Lax; Secure"));
    assert.ok(!stickyOf({ maxAgeSeconds: null }).cookieFor(endpoints[0]!, false).includes("Max-Age"));
  });

  it("is HMAC-SHA-256 of what its comment says, so that other proxies can be made to understand it", () => {
    const sign = (text: string) => createHmac("sha256", STICKY.secret).update(text).digest("hex");
    const name = sign(["server", "app", "127.0.0.1", "9001"].join("\0")).slice(0, 24);
    const value = `${name}.${sign(["cookie", "app", name].join("\0")).slice(0, 32)}`;
    assert.equal(sentBack(sticky.cookieFor(endpoints[0]!, false)), `app=${value}`);
  });

  it("is taken for none when anything about it is wrong", () => {
    const good = sentBack(sticky.cookieFor(endpoints[0]!, false));
    for (let at = "app=".length; at < good.length; at++) {
      const wrong = `${good.slice(0, at)}${good[at] === "0" ? "1" : "0"}${good.slice(at + 1)}`;
      assert.equal(sticky.find(withCookie(wrong)), null, wrong);
    }
    const other = sentBack(sticky.cookieFor(endpoints[1]!, false));
    for (const wrong of [
      "",
      "app=",
      "app=x",
      good.slice(0, -1),
      `${good}0`,
      good.replace("app", "bpp"),
      good.toUpperCase(),
    ])
      assert.equal(sticky.find(withCookie(wrong)), null, wrong);
    assert.equal(sticky.find(withCookie(good.slice(0, 28) + other.slice(28))), null, "another server's signature");
    assert.equal(sticky.find(requestOf()), null);
  });

  it("of another secret or another upstream means nothing", () => {
    for (const stranger of [stickyOf({ secret: "fedcba9876543210" }), stickyOf({}, "other")])
      assert.equal(sticky.find(withCookie(sentBack(stranger.cookieFor(endpoints[0]!, false)))), null);
    assert.equal(stickyOf().find(withCookie(sentBack(sticky.cookieFor(endpoints[0]!, false)))), endpoints[0]);
  });

  it("of a server that is gone means nothing, until it is back", () => {
    const own = stickyOf();
    const cookie = withCookie(sentBack(own.cookieFor(endpoints[0]!, false)));
    own.follow(endpoints.slice(1));
    assert.equal(own.find(cookie), null);
    own.follow(endpoints);
    assert.equal(own.find(cookie), endpoints[0]);
  });
});

describe("a group that keeps clients", () => {
  const servers = ["127.0.0.1:9001", "127.0.0.1:9002", "127.0.0.1:9003"].map((address) =>
    serverOf(address, { connectionsMax: 5 }),
  );
  const groupOf = () => new Group(upstreamOf(servers, { sticky: STICKY }), surroundings);
  const asked = (cookie: string, tried: readonly Endpoint[] = []) => ({
    ...withCookie(cookie),
    tried,
    scheme: "http",
  });

  it("sends a client back to its server, and sets the cookie only when that changes", () => {
    const group = groupOf();
    const first = group.pick(asked(""))!;
    const cookie = sentBack(group.stickyCookie(asked("", [first]), first)!);
    for (let i = 0; i < 20; i++) {
      assert.equal(group.pick(asked(cookie)), first);
      assert.equal(group.stickyCookie(asked(cookie, [first]), first), null);
    }
    const strangers = new Set(Array.from({ length: 50 }, () => group.pick(asked("app=nonsense"))));
    assert.equal(strangers.size, 3);
  });

  it("gives it another server, and another cookie, when its own failed or may not be chosen", () => {
    const group = groupOf();
    const first = group.pick(asked(""))!;
    const cookie = sentBack(group.stickyCookie(asked("", [first]), first)!);
    const second = group.pick(asked(cookie, [first]))!;
    assert.notEqual(second, first);
    const next = group.stickyCookie(asked(cookie, [first, second]), second);
    assert.equal(group.pick(asked(sentBack(next!))), second);
    group.setServerState(first.label, "maintenance");
    const third = group.pick(asked(cookie))!;
    assert.notEqual(third, first);
    assert.notEqual(group.stickyCookie(asked(cookie, [third]), third), null);
  });

  it("lets it come back to a server that was only full", () => {
    const group = groupOf();
    const first = group.pick(asked(""))!;
    const cookie = sentBack(group.stickyCookie(asked("", [first]), first)!);
    first.inFlight = 5;
    const guest = group.pick(asked(cookie))!;
    assert.notEqual(guest, first);
    assert.equal(group.stickyCookie(asked(cookie, [guest]), guest), null);
    first.inFlight = 4;
    assert.equal(group.pick(asked(cookie)), first);
  });

  it("asks for no cookie without `sticky`", () => {
    const group = new Group(upstreamOf(servers), surroundings);
    const chosen = group.pick(asked("app=x"))!;
    assert.equal(group.stickyCookie(asked(""), chosen), null);
  });
});
