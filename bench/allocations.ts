/** What a process allocates, by function: V8's sampling heap profiler, asked through the inspector, of Node and Deno. */

import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Child } from "./child.ts";
import type { Frame } from "./cpu-profile.ts";

export interface AllocationSite {
  readonly frame: Frame;
  readonly bytes: number;
}

interface ProfileNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** One of so many bytes is looked at, on average. */
const SAMPLING_BYTES = 16_384;

/** The process has been started with `--inspect=127.0.0.1:0`, and said where. */
export async function allocations(child: Child): Promise<{ stop(): Promise<readonly AllocationSite[]> }> {
  const url = await inspectorUrl(child);
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let id = 0;
  const ask = (method: string, params: object = {}) =>
    new Promise<unknown>((resolve, reject) => {
      const asked = ++id;
      const onMessage = (data: { toString(): string }) => {
        const message = JSON.parse(data.toString()) as { id?: number; result?: unknown; error?: { message: string } };
        if (message.id !== asked) return;
        socket.off("message", onMessage);
        if (message.error !== undefined) reject(new Error(`${method}: ${message.error.message}`));
        else resolve(message.result);
      };
      socket.on("message", onMessage);
      socket.once("close", () => reject(new Error(`${method}: the inspector is gone`)));
      socket.send(JSON.stringify({ id: asked, method, params }));
    });
  await ask("HeapProfiler.enable");
  await ask("HeapProfiler.startSampling", {
    samplingInterval: SAMPLING_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  return {
    async stop() {
      const { profile } = (await ask("HeapProfiler.stopSampling")) as { profile: { head: ProfileNode } };
      socket.close();
      return sitesOf(profile.head);
    },
  };
}

async function inspectorUrl(child: Child): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const url = /ws:\/\/\S+/.exec(child.lastWords)?.[0];
    if (url !== undefined) return url;
    await delay(50);
  }
  throw new Error(`no inspector: ${child.lastWords}`);
}

function sitesOf(head: ProfileNode): readonly AllocationSite[] {
  const sites = new Map<string, { frame: Frame; bytes: number }>();
  const visit = ({ callFrame: { functionName: name, url, lineNumber: line }, selfSize, children }: ProfileNode) => {
    const key = `${name} ${url} ${line}`;
    const known = sites.get(key);
    if (known === undefined) sites.set(key, { frame: { name, url, line: line + 1 }, bytes: selfSize });
    else known.bytes += selfSize;
    children.forEach(visit);
  };
  visit(head);
  return [...sites.values()].sort((a, b) => b.bytes - a.bytes);
}
