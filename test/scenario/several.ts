import { createOrigin, type Origin, type OriginScript } from "../../testing/origin.ts";
import { addressOf } from "../../testing/wire.ts";
import { OK, type Stage, type StageOptions, stageWith } from "./stage.ts";

/** A stage whose upstream has several servers, each with a script of its own. */
export interface Several {
  readonly stage: Stage;
  readonly servers: readonly Server[];
  /** Requests that arrived, over all servers, in the order of the servers. */
  arrived(): number[];
  close(): Promise<void>;
}

export interface Server {
  readonly address: string;
  readonly origin: Origin;
  /** May be changed at any time. */
  script: OriginScript;
}

export const address = (number: number): string => `127.0.0.1:${9000 + number}`;

/** `scripts` has one for each server; servers take turns, so the first request goes to the first one. */
export async function severalWith(scripts: readonly OriginScript[], options: StageOptions = {}): Promise<Several> {
  const others = scripts.slice(1).map((_script, i) => address(i + 2));
  const stage = await stageWith({
    ...options,
    script: scripts[0] ?? {},
    app: {
      balance: "round-robin",
      servers: [1, ...others.keys()].map((_each, i) => serverOf(address(i + 1), options.maxConnections)),
      ...options.app,
    },
  });
  const first: Server = Object.defineProperty({ address: address(1), origin: stage.origin, script: {} }, "script", {
    get: () => stage.script,
    set: (script: OriginScript) => Object.assign(stage, { script }),
  });
  const servers = [first];
  for (const [i, each] of others.entries()) {
    const holder = { script: scripts[i + 1] ?? {} };
    const origin = await createOrigin(stage.sim.outside(options.upstream), addressOf(each), {
      onConnect: (link) => holder.script.onConnect?.(link),
      onHead: (head, link) => holder.script.onHead?.(head, link),
      onRequest: (request, link) => (holder.script.onRequest ? holder.script.onRequest(request, link) : OK),
    });
    servers.push(Object.assign(holder, { address: each, origin }));
  }
  return {
    stage,
    servers,
    arrived: () => servers.map(({ origin }) => origin.requests.length),
    async close() {
      for (const { origin } of servers.slice(1)) await origin.close();
      await stage.close();
    },
  };
}

function serverOf(text: string, maxConnections: number | undefined) {
  return maxConnections === undefined ? text : { address: text, maxConnections };
}

/** Servers in a bad mood. */
export const RESETS: OriginScript = leaving("reset");
export const ENDS: OriginScript = leaving("end");
export const BUSY = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";
export const IS_BUSY: OriginScript = { onRequest: () => BUSY };
export const HANGS: OriginScript = { onRequest: () => null };

function leaving(how: "reset" | "end"): OriginScript {
  return {
    onRequest(_request, link) {
      link.peer[how]();
      return null;
    },
  };
}
