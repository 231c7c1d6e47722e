// Every wait of the end-to-end tests is bounded, and says what it waited for.

/** Long against anything that happens on loopback, short against the runner's limit per file. */
export const PATIENCE_MS = 10_000;

export async function within<T>(work: Promise<T>, what: string, timeoutMs = PATIENCE_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asks again and again until the answer is neither null nor false. `what` may tell the state at the end. */
export async function until<T>(
  ask: () => T | null | false | Promise<T | null | false>,
  what: string | (() => string),
  timeoutMs = PATIENCE_MS,
): Promise<T> {
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > endsAt) {
      throw new Error(`${typeof what === "string" ? what : what()}: not within ${timeoutMs} ms`);
    }
    await pause(20);
  }
}

/** Real programs have no clock to advance. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
