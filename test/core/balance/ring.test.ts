import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { createRing } from "../../../core/balance/ring.ts";
import { checkHashing } from "./hash-cases.ts";
import { choiceOf, type Server, servers } from "./servers.ts";

function named(addresses: readonly (readonly [key: string, weight: number])[]): Server[] {
  return servers(addresses.map(([, weight]) => weight)).map((server, i) => ({ ...server, key: addresses[i]![0] }));
}

describe("the hash ring", () => {
  checkHashing(createRing, { unevenness: 0.25, disruption: 1 });

  it("is nginx's: these places were worked out from its description by other code", () => {
    const list = named([
      ["127.0.0.1\x009001", 1],
      ["127.0.0.1\x009002", 2],
      ["app.internal\x0080", 1],
      ["[::1]\x009003", 1],
      ["/run/app.sock\x00", 3],
    ]);
    const ring = createRing(list);
    const places = (keys: readonly string[]): string =>
      keys.map((key) => ring.find(choiceOf(list), key)!.name).join("");
    assert.equal(places(["a", "b", "c", "/index.html", "user-1", "user-2", "user-3", "198.51.100.7"]), "adebecab");
    assert.equal(places([..."0123456789"]), "eccebeacee");
    assert.equal(places(["\xe9t\xe9", "x".repeat(100)]), "eb");
    // Behind the last point: around to the first.
    assert.equal(places(["wrap-3125"]), "d");
  });

  it("gives fewer points to each only when there would be more than the limit in all", () => {
    const list = servers([2, 1, 1]);
    const places = (pointsMax: number): string =>
      Array.from({ length: 400 }, (_, i) => createRing(list, pointsMax).find(choiceOf(list), `k${i}`)!.name).join("");
    const whole = places(Number.POSITIVE_INFINITY);
    assert.equal(places(641), whole);
    assert.equal(places(640), whole);
    assert.notEqual(places(639), whole);
    // Everybody keeps one, however low the limit.
    assert.deepEqual(new Set(places(1)), new Set("abc"));
  });

  it("lets two servers of one address stand in one place", () => {
    const list = named([
      ["127.0.0.1\x009001", 1],
      ["127.0.0.1\x009001", 1],
    ]);
    assert.equal(createRing(list).find(choiceOf(list), "a")!.name, "a");
  });
});
