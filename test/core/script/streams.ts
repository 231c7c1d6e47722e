/** Streams for tests. */

/** A stream whose chunks are given by hand; a length closes it at once behind so many bytes. */
export function sent(bytes?: number) {
  const canceled: unknown[] = [];
  let made: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        made = controller;
        if (bytes === undefined) return;
        if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
      cancel: (reason) => void canceled.push(reason),
    },
    { highWaterMark: 0 },
  );
  return { stream, controller: made as ReadableStreamDefaultController<Uint8Array>, canceled };
}

/** Lets promises run. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}
