import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { ClientSide } from "../../../core/exchange/client-side.ts";
import type { Deployment } from "../../../core/exchange/deployment.ts";
import type { Engine } from "../../../core/exchange/engine.ts";
import { RequestView } from "../../../core/exchange/request-view.ts";
import { TrustedProxies } from "../../../core/http/client-address.ts";
import { checkRequest } from "../../../core/http/request-rules.ts";
import type { RouteMatch } from "../../../core/route/compile-route.ts";
import { requestHead } from "../http/heads.ts";

function viewOf(text: string, trustedProxies: readonly string[] = []): RequestView {
  let ids = 0;
  const engine = {
    deployment: { trusted: TrustedProxies.compile(trustedProxies) } as Deployment,
    nextRequestId: () => `id-${++ids}`,
  };
  const client = { address: "10.0.0.1", port: 5, listener: "main", scheme: "http" };
  const head = requestHead(text);
  assert.equal(checkRequest(head, "http"), 0);
  return new RequestView(engine as Engine, client as ClientSide, head);
}

describe("what may be asked about a request", () => {
  it("as it was received", () => {
    const view = viewOf("PUT /a%20b?c=d HTTP/1.0\nHost: Example.COM:80\nX-A: 1\nx-a: 2");
    const { method, path, query, target, protocol, pathIsPlain, listener, scheme, clientPort } = view;
    assert.deepEqual([method, path, query, target], ["PUT", "/a%20b", "c=d", "/a%20b?c=d"]);
    assert.deepEqual([protocol, pathIsPlain, listener, scheme, clientPort], ["HTTP/1.0", false, "main", "http", 5]);
    assert.equal(view.header("x-a"), "1, 2");
    assert.equal(view.header("x-b"), null);
    assert.match(view.host, /^example\.com/);
    assert.equal(view.host, view.host);
  });

  it("has the cookies of several fields beside each other", () => {
    const view = viewOf("GET / HTTP/1.1\nHost: a\nCookie: a=1\ncookie: b=2, c=3");
    assert.equal(view.header("cookie"), "a=1; b=2, c=3");
  });

  it("has one id, made when asked for", () => {
    const view = viewOf("GET / HTTP/1.1\nHost: a");
    assert.equal(view.requestId, "id-1");
    assert.equal(view.requestId, "id-1");
  });

  it("knows its client behind trusted proxies, and nobody's word otherwise", () => {
    const text = "GET / HTTP/1.1\nHost: a\nX-Forwarded-For: 192.0.2.7";
    assert.equal(viewOf(text).clientAddress, "10.0.0.1");
    assert.equal(viewOf(text, ["10.0.0.0/8"]).clientAddress, "192.0.2.7");
  });

  it("has no route until there is one", () => {
    const view = viewOf("GET / HTTP/1.1\nHost: a\nConnection: upgrade\nUpgrade: foo");
    assert.deepEqual([view.route, view.routeId, view.upstream, view.upstreamAddress], [null, "", "", ""]);
    const route = { id: "r1", upstreamName: "app", upgrade: true };
    view.match = { route } as RouteMatch;
    view.server = "s:1";
    assert.deepEqual([view.routeId, view.upstream, view.upstreamAddress], ["r1", "app", "s:1"]);
    assert.ok(view.asksUpgrade && view.allowsUpgrade);
    view.match = { route: { ...route, upgrade: false } } as RouteMatch;
    assert.ok(!view.asksUpgrade && !view.allowsUpgrade);
  });
});
