/** Several listeners together. */

import type { Listener } from "./listener.ts";

/** A listener that could not be opened. */
export interface ListenFailure {
  readonly listener: string;
  readonly code: string;
  readonly message: string;
}

/** What `listen` of a proxy rejects with when it is no defect. */
export function isListenFailure(error: unknown): error is ListenFailure {
  return typeof error === "object" && error !== null && "listener" in error && "code" in error;
}

/** Null when all listen; else the first that can't. */
export async function listenAll(listeners: readonly Listener[]): Promise<ListenFailure | null> {
  for (const listener of listeners) {
    try {
      await listener.start();
    } catch (error) {
      const { code, message } = error as { code: string; message: string };
      return { listener: listener.name, code, message };
    }
  }
  return null;
}

export async function closeAll(listeners: readonly Listener[]): Promise<void> {
  for (const listener of listeners) listener.closeAll();
  await Promise.all(listeners.map((listener) => listener.stopAccepting()));
  // Those that waited in the queue of the kernel.
  for (const listener of listeners) listener.closeAll();
}
