/** Starts a proxy, says where it listens, and stops it at a signal: first what is in flight may finish, then not. */

import process from "node:process";
import { addressText } from "../core/config/address.ts";
import type { CompiledConfig } from "../core/config/compile.ts";
import type { Observer } from "../core/observe/events.ts";
import { createProxy } from "../core/proxy.ts";
import type { Address, Runtime, SocketError } from "../core/runtime.ts";
import { EXIT_CUT_OFF, EXIT_OK, EXIT_START } from "./exit-codes.ts";
import { standardError } from "./line-writer.ts";

export interface ServeOptions {
  readonly runtime: Runtime;
  readonly config: CompiledConfig;
  readonly observer: Observer;
  /** Called once everything listens. */
  readonly onStarted?: (addresses: readonly Address[]) => void;
}

/** A2 signals: what the first and the second one mean is documented in docs/cli.md. */
const SIGNALS = ["SIGTERM", "SIGINT"] as const;
/** A second signal ends the process within this, whatever still hangs. */
const STOP_MS = 500;

/** Resolves with the exit code. */
export async function serve({ runtime, config, observer, onStarted }: ServeOptions): Promise<number> {
  const { snapshot } = config;
  const signals = listenToSignals();
  const proxy = createProxy({ runtime, snapshot, observer });
  try {
    await proxy.start();
  } catch (error) {
    signals.close();
    await within(STOP_MS, proxy.stop());
    standardError.write(`millrace: ${startProblem(error)}`);
    return EXIT_START;
  }
  for (const address of proxy.addresses) standardError.write(`millrace: listening on ${urlOf(address)}`);
  onStarted?.(proxy.addresses);
  try {
    const first = await signals.next();
    standardError.write(`millrace: ${first}: finishing what is in flight; another signal stops at once`);
    const outcome = await Promise.race([
      proxy.drain(snapshot.timeouts.drainMs).then(() => "drained" as const),
      signals.next().then(() => "stopped" as const),
    ]);
    if (outcome === "stopped") standardError.write("millrace: stopped at once");
    await within(STOP_MS, proxy.stop());
    return outcome === "drained" ? EXIT_OK : EXIT_CUT_OFF;
  } finally {
    signals.close();
  }
}

/** What a browser or curl can be given. */
export function urlOf(address: Address): string {
  if (address.kind === "unix") return addressText(address);
  const anywhere = address.host === "" || address.host === "0.0.0.0" || address.host === "::";
  return `http://${addressText(anywhere ? { ...address, host: "localhost" } : address)}${anywhere ? " (every address)" : ""}`;
}

/** A SocketError, or one with the listener it came from. */
export function startProblem(error: unknown): string {
  if (typeof error !== "object" || error === null) return `could not start: ${String(error)}`;
  const { code, message, address } = error as Partial<SocketError> & { address?: Address };
  const where = address === undefined ? "an address" : addressText(address);
  switch (code) {
    case "EADDRINUSE":
      return `cannot listen on ${where}: it is in use; stop what listens there, or choose another address`;
    case "EACCES":
      return `cannot listen on ${where}: no permission; ports below 1024 and some directories need more rights`;
    case "EADDRNOTAVAIL":
      return `cannot listen on ${where}: this machine does not have that address`;
    case "ENOENT":
      return `cannot listen on ${where}: its directory does not exist`;
    default:
      return `could not start: ${message ?? String(error)}${address === undefined ? "" : ` (${where})`}`;
  }
}

interface Signals {
  /** The next signal, also one that came meanwhile. */
  next(): Promise<string>;
  close(): void;
}

function listenToSignals(): Signals {
  const waiting: ((signal: string) => void)[] = [];
  const arrived: string[] = [];
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      const resolve = waiting.shift();
      if (resolve === undefined) arrived.push(signal);
      else resolve(signal);
    };
    process.on(signal, handler);
    return [signal, handler] as const;
  });
  return {
    next: () => {
      const signal = arrived.shift();
      return signal === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(signal);
    },
    close: () => {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}

async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work.catch(() => {}), deadline]);
  clearTimeout(timer);
}
