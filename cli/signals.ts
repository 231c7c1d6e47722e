/**
 * Signals to a process that serves: some stop it, some ask it for something. What is asked for before anybody knows what to do
 * is remembered.
 */
import process from "node:process";

const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** A signal that asks. Unless it is listened to, it ends the process with everything in flight. */
export class AskSignal {
  readonly name: NodeJS.Signals;
  #run: (() => void) | null = null;
  #isAsked = false;

  constructor(name: NodeJS.Signals) {
    this.name = name;
  }

  listen(): void {
    if (!process.listeners(this.name).includes(this.#onSignal)) process.on(this.name, this.#onSignal);
  }

  /** From now on; at once if it came meanwhile. */
  do(run: () => void): void {
    this.#run = run;
    if (this.#isAsked) run();
  }

  close(): void {
    process.off(this.name, this.#onSignal);
    this.#run = null;
    this.#isAsked = false;
  }

  readonly #onSignal = (): void => {
    this.#isAsked = true;
    this.#run?.();
  };
}

/** Read the configuration again. */
export const reloadSignal = new AskSignal("SIGHUP");
/** Show the traces of failed requests. The other signal for users, SIGUSR1, is Node's own. */
export const tracesSignal = new AskSignal("SIGUSR2");

/** A file has reached its limit (`ulimit -f`). Node and Bun ignore it; Deno dies of it, unless the failed write is to say so. */
export const fileSizeSignal = new AskSignal("SIGXFSZ");

export interface StopSignals {
  /** The next one, also one that came meanwhile. */
  next(): Promise<string>;
  close(): void;
}

export function listenToStops(): StopSignals {
  const waiting: ((signal: string) => void)[] = [];
  const arrived: string[] = [];
  const handlers = STOP_SIGNALS.map((signal) => {
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
