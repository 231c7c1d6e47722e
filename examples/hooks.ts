// One hook of each kind. An installed millrace imports from "millrace" just the same: docs/hooks.md.
import { type Decide, defineConfig, type OnAttempt, type OnFinish, type OnRequest, type OnResponse } from "millrace";

/** The same number for the same text, from 0 to 1. */
function share(text: string): number {
  let hash = 2_166_136_261;
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 16_777_619);
  return (hash >>> 0) / 2 ** 32;
}

const refuseBots: OnRequest = (request) =>
  /badbot/i.test(request.header("user-agent") ?? "") ? { deny: 403, body: "not for bots\n" } : undefined;

/** One visitor in twenty gets what comes next, and stays there. */
const canary: Decide = (request) =>
  share(request.cookie("visitor") ?? request.clientAddress) < 0.05 ? "next" : "current";

const sayRetry: OnAttempt = ({ number, failure }) =>
  number > 1 ? { headers: { set: { "X-Retry-Of": failure } } } : undefined;

const hideVersions: OnResponse = () => ({ headers: { remove: ["Server", "X-Powered-By"] } });

const sayFailures: OnFinish = ({ fault, path, server }, context) => {
  if (fault !== "") context.log(`${path} on ${server || "no server"}: ${fault}`);
};

export default defineConfig({
  listeners: ["127.0.0.1:8080"],
  upstreams: {
    current: { servers: ["127.0.0.1:9301", "127.0.0.1:9302"] },
    next: { servers: ["127.0.0.1:9303"] },
  },
  hooks: {
    onRequest: { run: refuseBots, timeout: "50ms", fallback: "ignore" },
    onFinish: sayFailures,
  },
  routes: [
    {
      id: "api",
      match: { path: "/api/*" },
      mount: (request: Request) => Response.json({ path: new URL(request.url).pathname }),
    },
    {
      id: "site",
      target: { run: canary, timeout: "200ms", fallback: { upstream: "current" } },
      hooks: { onAttempt: sayRetry, onResponse: { run: hideVersions, fallback: "ignore" } },
    },
  ],
});
