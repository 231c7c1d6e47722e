import assert from "node:assert/strict";
import { beforeEach, describe, it } from "@std/testing/bdd";
import { PlaceSearch } from "../../../core/exchange/place-search.ts";
import type { Fault } from "../../../core/fault.ts";
import type { Endpoint } from "../../../core/upstream/endpoint.ts";
import type { Group } from "../../../core/upstream/group.ts";
import type { PickRequest } from "../../../core/upstream/pick-request.ts";
import type { PlaceWanted } from "../../../core/upstream/wait-queue.ts";

let told: string[];
let hasPlace: boolean;
let mayConnect: boolean;
let mayWait: boolean;
let wanted: PlaceWanted<Endpoint> | null;
let search: Search;
let mayRepeat: boolean;
let picked: Endpoint | null;
let nowMs: number;
const one = { label: "one", connections: { hasPlaceFor: () => hasPlace } } as unknown as Endpoint;
const two = { label: "two" } as unknown as Endpoint;

class Search extends PlaceSearch {
  override get mayRepeat() {
    return mayRepeat;
  }
  get nowMs() {
    return nowMs;
  }
  readonly queueMs = 7;
  seekOther(request: PickRequest, endpoint: Endpoint): Endpoint | null {
    return this.other(request, endpoint);
  }
  onPlaceFound({ label }: Endpoint, fresh: boolean, waitedMs: number | null): void {
    told.push(`${label}${fresh ? " fresh" : ""} ${waitedMs}`);
  }
  onNoPlaceFound({ code }: Fault, wanted: Endpoint | null): void {
    told.push(`${code} ${wanted?.label ?? "anywhere"}`);
  }
}

beforeEach(() => {
  told = [];
  mayRepeat = false;
  picked = null;
  hasPlace = true;
  mayConnect = true;
  mayWait = true;
  wanted = null;
  nowMs = 0;
  const group = {
    mayConnect: () => mayConnect,
    mayWait: () => mayWait,
    pick: () => picked,
    putBack: ({ label }: Endpoint) => void told.push(`back ${label}`),
    onPlaceTaken: ({ label }: Endpoint) => void told.push(`taken ${label}`),
    serveWaiting() {},
    queue: {
      join: (seeker: PlaceSearch, asked: PlaceWanted<Endpoint>, ms: number) => {
        wanted = asked;
        told.push(`join ${ms}`);
        return { seeker, wanted: asked };
      },
      leave: () => void told.push("leave"),
    },
  } as unknown as Group;
  search = new Search(group);
});

describe("where a try begins", () => {
  it("is the server that was picked, if there is room", () => {
    search.placeAt(one, false);
    search.freshPlaceAt(one);
    assert.deepEqual(told, ["one null", "one fresh null"]);
  });

  it("is the first place anywhere, after a wait, but not where the request was", () => {
    hasPlace = false;
    search.tried = [two];
    search.placeAt(one, false);
    assert.deepEqual(wanted, { only: null, fresh: false, refused: [two] });
    assert.ok(search.isWaiting);
    nowMs = 5;
    search.onPlace(two);
    assert.deepEqual(told, ["back one", "join 7", "taken two", "two 5"]);
    assert.ok(!search.isWaiting);
  });

  it("may be where the request was, if it has not refused it", () => {
    hasPlace = false;
    search.tried = [two];
    mayRepeat = true;
    search.placeAt(one, false);
    assert.deepEqual(wanted, { only: null, fresh: false, refused: [] });
  });

  it("is another server, or none", () => {
    const request = {} as PickRequest;
    assert.equal(search.seekOther(request, two), null);
    picked = one;
    assert.equal(search.seekOther(request, two), one);
    assert.deepEqual([search.tried, told], [[two], []]);
    picked = two;
    assert.equal(search.seekOther(request, one), null);
    assert.deepEqual([search.tried, told], [[two, one], ["back two"]]);
  });

  it("is that very server where no other will do", () => {
    hasPlace = false;
    search.placeAt(one, true);
    assert.equal(wanted?.only, one);
    search.onPlace(one);
    assert.deepEqual(told, ["back one", "join 7", "taken one", "one 0"]);
  });

  it("is nowhere when the caps are reached, or the wait is over", () => {
    mayConnect = false;
    search.placeAt(one, false);
    mayConnect = true;
    hasPlace = false;
    mayWait = false;
    search.placeAt(one, false);
    mayWait = true;
    search.freshPlaceAt(one);
    search.onNoPlace({ code: "late" } as never);
    assert.deepEqual(told, [
      "back one",
      "upstream.breaker-open anywhere",
      "back one",
      "upstream.queue-full anywhere",
      "join 7",
      "late one",
    ]);
  });

  it("is not looked for any more", () => {
    hasPlace = false;
    search.placeAt(one, false);
    search.stopWaiting();
    search.stopWaiting();
    assert.deepEqual(told, ["back one", "join 7", "leave"]);
  });
});
