// Where a site is, from Redis: `site:HOST` holds the backend's address, `sites` is there as long as Redis is filled.
import process from "node:process";
import type { Decide } from "millrace";
import { createClient } from "redis";

/** So long may a look-up take. The target's timeout in millrace.yaml must be longer. */
const lookUpTimeout = process.env["LOOKUP_TIMEOUT"] ?? "300ms";

const redis = createClient({
  url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379",
  // A command that can't be sent now fails now: the cache has an answer, a queue would only make it wait.
  disableOfflineQueue: true,
  commandsQueueMaxLength: 1_000,
  // A host that vanishes without a word is noticed by a ping, not when TCP gives up.
  pingInterval: 500,
  socket: {
    connectTimeout: 500,
    socketTimeout: 2_000,
    reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 500),
  },
});
// What it means for requests is told by the cache, in the proxy's log.
redis.on("error", () => {});
// Not awaited: the proxy starts without Redis, too.
void redis.connect().catch(() => {});

async function lookUp(host: string): Promise<string | null> {
  const [backend = null, filled = null] = await redis.mGet([`site:${host}`, "sites"]);
  // One that was restarted empty knows nothing, which is not the same as "no such site".
  if (filled === null) throw new Error("Redis holds no sites");
  return backend;
}

export const decide: Decide = async (request, context) => {
  const { host } = request;
  let backend: string | null;
  try {
    // A move is seen after 200 + 300 ms and one look-up; when Redis is down, the last answer holds for a day.
    backend = await context.cache(`site ${host}`, () => lookUp(host), {
      ttl: "200ms",
      staleWhileRevalidate: "300ms",
      staleIfError: "24h",
      timeout: lookUpTimeout,
    });
  } catch {
    return page(503, "We cannot look up this site at the moment. Please try again in a few seconds.", {
      "Retry-After": "5",
    });
  }
  return backend === null
    ? page(404, `There is no site called ${host} here. Is the address spelled right?`)
    : { target: `http://${backend}` };
};

/** Redis may be shared by several generations of this file; each closes its own connection. */
export const close = (): void => redis.destroy();

function page(status: number, text: string, headers: Record<string, string> = {}): Response {
  // The proxy lets only letters, digits, dots and dashes into `host`.
  const body = `<!doctype html><title>${status}</title><h1>${text}</h1>\n`;
  return new Response(body, { status, headers: { "Content-Type": "text/html; charset=utf-8", ...headers } });
}
