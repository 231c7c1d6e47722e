/**
 * The same server for the same key. Tables are built over all members, whether they may be chosen or not, so that one
 * that goes down gives away only its own keys, and has them again when it is back.
 */

import { RENDEZVOUS_SERVERS_MAX } from "../limits.ts";
import type { Balancer, BalancerTools, Candidate, Choice } from "./balancer.ts";
import { BoundedLoad } from "./bounded-load.ts";
import type { HashTable } from "./hash-table.ts";
import { KeyShare } from "./key-share.ts";
import { createMaglev } from "./maglev.ts";
import { createRendezvous } from "./rendezvous.ts";
import { createRing } from "./ring.ts";
import { createTwoChoices } from "./two-choices.ts";

export const HASH_METHODS = ["auto", "rendezvous", "ring", "maglev"] as const;

export type HashMethod = (typeof HASH_METHODS)[number];

export interface HashOptions {
  /** `auto` is rendezvous up to RENDEZVOUS_SERVERS_MAX servers and Maglev beyond. */
  readonly method: HashMethod;
  /** How many times its share of what is under way a server may have; null for no bound. */
  readonly boundedLoad: number | null;
}

export function createHash({ method, boundedLoad }: HashOptions, tools: BalancerTools): Balancer {
  /** For requests that lack what is hashed. */
  const keyless = createTwoChoices(tools);
  let members: readonly Candidate[] | null = null;
  let table: HashTable | null = null;
  return {
    wantsLatency: false,
    choose<C extends Candidate>(choice: Choice<C>, key: string): C | null {
      if (key === "" || choice.available.length <= 1) return keyless.choose(choice, key);
      if (members !== choice.members) {
        members = choice.members;
        table = createTable(method, members);
      }
      const bounded = boundedLoad === null ? choice : new BoundedLoad(choice, boundedLoad);
      const shared = new KeyShare(bounded, key);
      return table!.find(shared, key) ?? table!.find(bounded, key) ?? keyless.choose(choice, key);
    },
    commit() {},
    observe() {},
  };
}

function createTable(method: HashMethod, members: readonly Candidate[]): HashTable {
  switch (method) {
    case "rendezvous":
      return createRendezvous(members);
    case "ring":
      return createRing(members);
    case "maglev":
      return createMaglev(members);
    case "auto":
      return members.length <= RENDEZVOUS_SERVERS_MAX ? createRendezvous(members) : createMaglev(members);
  }
}
