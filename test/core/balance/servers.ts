import type { Balancer, Candidate } from "../../../core/balance/balancer.ts";

export interface Server extends Candidate {
  readonly name: string;
  readonly weight: number;
  inFlight: number;
}

/** Servers a, b, c … with these weights and requests under way. */
export function servers(weights: readonly number[], inFlight: readonly number[] = []): Server[] {
  return weights.map((weight, i) => ({
    name: String.fromCharCode(0x61 + i),
    weight,
    inFlight: inFlight[i] ?? 0,
    turn: 0,
  }));
}

/** The names of the next `count` servers; each request stays under way when `holds`. */
export function take(balancer: Balancer, list: readonly Server[], count: number, holds = false): string {
  let names = "";
  for (let i = 0; i < count; i++) {
    const chosen = balancer.choose(list);
    if (chosen === null) return `${names}-`;
    balancer.commit(list, chosen);
    if (holds) chosen.inFlight++;
    names += chosen.name;
  }
  return names;
}
