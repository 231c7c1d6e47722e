// Fills Redis with sites shared out among backends: fill.ts 10000 127.0.0.1:9401 127.0.0.1:9402
import process from "node:process";
import { createClient } from "redis";

const [count = "10000", ...backends] = process.argv.slice(2);
if (backends.length === 0) throw new Error("name the backends: fill.ts 10000 127.0.0.1:9401 127.0.0.1:9402");
const redis = createClient({ url: process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379" });
await redis.connect();
const sites = Array.from({ length: Number(count) }, (_, i): [string, string] => [
  `site:site${i}.example`,
  backends[i % backends.length] ?? "",
]);
for (let i = 0; i < sites.length; i += 1_000) await redis.mSet(sites.slice(i, i + 1_000));
await redis.set("sites", String(sites.length));
await redis.close();
