import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Roster } from "../../../core/listen/roster.ts";

class Guest {
  place = -1;
}

describe("Roster", () => {
  it("holds each member once, wherever the others go", () => {
    const roster = new Roster<Guest>();
    const guests = Array.from({ length: 5 }, () => new Guest());
    for (const guest of guests) roster.add(guest);
    assert.deepEqual(new Set(roster), new Set(guests));
    for (const leaving of [guests[4], guests[0], guests[2], guests[1]] as Guest[]) {
      roster.delete(leaving);
      guests.splice(guests.indexOf(leaving), 1);
      assert.deepEqual(new Set(roster), new Set(guests));
      assert.equal(roster.size, guests.length);
    }
  });

  it("forgets who has left, who may come again", () => {
    const roster = new Roster<Guest>();
    const [first, second] = [new Guest(), new Guest()];
    roster.add(first);
    roster.add(second);
    roster.delete(first);
    roster.delete(first);
    roster.delete(new Guest());
    assert.deepEqual([...roster], [second]);
    roster.add(first);
    assert.deepEqual([...roster], [second, first]);
  });

  it("shows all there were when looking began", () => {
    const roster = new Roster<Guest>();
    for (let i = 0; i < 4; i++) roster.add(new Guest());
    let seen = 0;
    for (const guest of roster) {
      roster.delete(guest);
      seen++;
    }
    assert.deepEqual([seen, roster.size], [4, 0]);
  });
});
