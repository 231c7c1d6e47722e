import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { bindAt, bindEverywhere } from "../../adapters/binding.ts";

const inUse = { code: "EADDRINUSE", message: "it is in use" };
const answers = (): Promise<void> => Promise.resolve();

describe("binding", () => {
  it("rejects with a SocketError, and takes no file for left behind that is none", async () => {
    const refuse = () => Promise.reject(Object.assign(new Error("no"), { code: "EACCES" }));
    const address = { kind: "tcp", host: "127.0.0.1", port: 80 } as const;
    await assert.rejects(bindAt(address, refuse, answers), { code: "EACCES", message: "no" });
    const unix = { kind: "unix", path: "package.json" } as const;
    await assert.rejects(
      bindAt(unix, () => Promise.reject(inUse), answers),
      inUse,
    );
  });

  it("goes by IPv4 alone only on a machine without IPv6", () => {
    const asked: string[] = [];
    const without = (host: string): string => {
      asked.push(host);
      if (host === "::") throw { code: "EAFNOSUPPORT" };
      return host;
    };
    assert.equal(bindEverywhere(without), "0.0.0.0");
    assert.deepEqual(asked, ["::", "0.0.0.0"]);
    const taken = () => {
      throw inUse;
    };
    assert.throws(() => bindEverywhere(taken), { code: "EADDRINUSE" });
  });
});
