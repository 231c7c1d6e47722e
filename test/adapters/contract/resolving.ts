import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { createSocket } from "node:dgram";
import { afterEach, beforeEach, it } from "@std/testing/bdd";
import { encode, type Packet } from "dns-packet";
import type { RecordType, ResolveAnswer, ResolveError, ResolveOptions, Runtime } from "../../../core/runtime.ts";
import {
  a,
  aaaa,
  cname,
  failure,
  RCODE,
  type StubDns,
  type StubQuestion,
  srv,
  startStubDns,
  TRUNCATED,
} from "../../support/stub-dns.ts";
import { aMoment } from "./recorder.ts";

interface Outcome {
  readonly error: ResolveError | null;
  readonly answer: ResolveAnswer | null;
  readonly calls: number;
  readonly sync: boolean;
}

const NAME = "app.internal";

/** Names: each record type, each way not to answer, and what strangers may send instead. */
export function resolving(runtime: Runtime): void {
  let stub: StubDns;
  beforeEach(async () => {
    stub = await startStubDns();
  });
  afterEach(() => stub.close());

  const ask = (type: RecordType, more: Partial<ResolveOptions> = {}): Promise<Outcome> =>
    new Promise((resolve) => {
      let calls = 0;
      let inside = true;
      runtime.resolve({ name: NAME, type, servers: [stub.address], timeoutMs: 2_000, ...more }, (error, answer) => {
        calls++;
        const sync = inside;
        void aMoment(5).then(() => resolve({ error, answer, calls, sync }));
      });
      inside = false;
    });
  const answers = (...list: Packet["answers"] & object): void => {
    stub.answer = () => [{ answers: list }];
  };
  const hostsOf = ({ answer, error }: Outcome): string[] => {
    strictEqual(error, null);
    return answer!.records.map(({ host }) => host);
  };
  const fails = async (code: ResolveError["code"], more: Partial<ResolveOptions> = {}): Promise<string> => {
    const { error, answer, calls, sync } = await ask("A", more);
    deepStrictEqual([error?.code, answer, calls, sync], [code, null, 1, false]);
    return error!.message;
  };

  it("resolves A records with the least TTL, once and later", async () => {
    answers(a(NAME, "10.0.0.1", 30), a(NAME, "10.0.0.2", 20), a("other.internal", "10.0.0.9", 1));
    const outcome = await ask("A");
    deepStrictEqual(hostsOf(outcome), ["10.0.0.1", "10.0.0.2"]);
    deepStrictEqual([outcome.answer?.ttlSeconds, outcome.calls, outcome.sync], [20, 1, false]);
    deepStrictEqual(stub.questions, [`A ${NAME} udp`]);
  });

  it("resolves AAAA records in one notation", async () => {
    answers(aaaa(NAME, "fd00:0:0:0:0:0:0:7"));
    deepStrictEqual(hostsOf(await ask("AAAA")), ["fd00::7"]);
  });

  it("resolves SRV records with port, priority, weight and TTL", async () => {
    answers(srv("_http._tcp.app.internal", "One.App.Internal", 9001, 7));
    const { answer } = await ask("SRV", { name: "_http._tcp.app.internal" });
    deepStrictEqual(answer, {
      records: [{ host: "one.app.internal", port: 9001, priority: 10, weight: 5 }],
      ttlSeconds: 7,
    });
  });

  it("takes the target . for a service that is not offered", async () => {
    answers(srv("_http._tcp.app.internal", ".", 0));
    strictEqual((await ask("SRV", { name: "_http._tcp.app.internal" })).error?.code, "not-found");
  });

  it("asks again over TCP when the reply was cut", async () => {
    stub.answer = ({ protocol }) =>
      protocol === "udp"
        ? [{ flags: TRUNCATED, answers: [a(NAME, "10.0.0.1")] }]
        : [{ answers: [a(NAME, "10.0.0.2")] }];
    deepStrictEqual(hostsOf(await ask("A")), ["10.0.0.2"]);
    deepStrictEqual(stub.questions, [`A ${NAME} udp`, `A ${NAME} tcp`]);
  });

  it("asks again over TCP when the reply was cut in the middle of a record", async () => {
    stub.answer = ({ protocol, id, name }) => {
      const answers = [a(NAME, "10.0.0.1"), a(NAME, "10.0.0.2")];
      if (protocol === "tcp") return [{ answers }];
      const questions = [{ type: "A" as const, name }];
      return [encode({ id, type: "response", flags: TRUNCATED, questions, answers }).subarray(0, -3)];
    };
    deepStrictEqual(hostsOf(await ask("A")), ["10.0.0.1", "10.0.0.2"]);
    deepStrictEqual(stub.questions, [`A ${NAME} udp`, `A ${NAME} tcp`]);
  });

  it("Q06 takes 1,000 addresses", async () => {
    const all = Array.from({ length: 1_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    stub.answer = ({ protocol }) =>
      protocol === "udp" ? [{ flags: TRUNCATED }] : [{ answers: all.map((address) => a(NAME, address)) }];
    deepStrictEqual(hostsOf(await ask("A")), all);
  });

  for (const [bytes, what] of [
    [32_768, "sent what is no reply to the question"],
    [32_769, "sent more than 32768 bytes"],
  ] as const) {
    it(`Q06 reads ${bytes === 32_768 ? "32 KiB over TCP" : "no byte more"}`, async () => {
      stub.answer = ({ protocol }) => [protocol === "udp" ? { flags: TRUNCATED } : new Uint8Array(bytes)];
      ok((await fails("malformed")).endsWith(what));
    });
  }

  it("follows aliases, and counts their TTL", async () => {
    answers(cname(NAME, "b.internal", 9), cname("b.internal", "c.internal", 40), a("c.internal", "10.0.0.3", 60));
    const outcome = await ask("A");
    deepStrictEqual([hostsOf(outcome), outcome.answer?.ttlSeconds], [["10.0.0.3"], 9]);
  });

  it("Q06 follows 16 aliases, not 17", async () => {
    const chain = (links: number): void => {
      const names = [NAME, ...Array.from({ length: links }, (_, i) => `n${i}.internal`)];
      const aliases = names.slice(1).map((name, i) => cname(names[i]!, name));
      answers(...aliases, a(names.at(-1)!, "10.0.0.1"));
    };
    chain(15);
    deepStrictEqual(hostsOf(await ask("A")), ["10.0.0.1"]);
    chain(16);
    deepStrictEqual(hostsOf(await ask("A")), ["10.0.0.1"]);
    chain(17);
    await fails("malformed");
  });

  it("Q06 does not follow aliases in a circle", async () => {
    answers(cname(NAME, "b.internal"), cname("b.internal", NAME));
    await fails("malformed");
  });

  it("says not-found of a name that does not exist and of one without such a record", async () => {
    stub.answer = () => [failure(RCODE.NXDOMAIN)];
    await fails("not-found");
    answers(aaaa(NAME, "fd00::1"));
    await fails("not-found");
    answers(cname(NAME, "b.internal"));
    await fails("not-found");
  });

  it("asks the next server when one fails, and says so when all do", async () => {
    const other = await startStubDns();
    try {
      stub.answer = () => [failure(RCODE.SERVFAIL)];
      other.answer = () => [{ answers: [a(NAME, "10.0.0.4")] }];
      deepStrictEqual(hostsOf(await ask("A", { servers: [stub.address, other.address] })), ["10.0.0.4"]);
      other.answer = () => [failure(RCODE.REFUSED)];
      match(await fails("server-failure", { servers: [stub.address, other.address] }), /REFUSED/);
    } finally {
      await other.close();
    }
  });

  it("asks twice, then reports a timeout, also where nobody listens", async () => {
    await fails("timeout", { timeoutMs: 60 });
    deepStrictEqual(stub.questions, [`A ${NAME} udp`, `A ${NAME} udp`]);
    const { address } = await freePort();
    const { error } = await ask("A", { servers: [address], timeoutMs: 60 });
    // Deno does not hear of the refusal (runtimes differ in this, not in what follows from it).
    ok(error?.code === "unavailable" || error?.code === "timeout", error?.code);
  });

  it("is not misled by a wrong number, another question or what is no reply", async () => {
    const wrong = (question: StubQuestion): Partial<Packet>[] => [
      { id: (question.id + 1) & 65_535, answers: [a(NAME, "10.6.6.1")] },
      { questions: [{ type: "A", name: "other.internal" }], answers: [a(NAME, "10.6.6.2")] },
      { questions: [{ type: "AAAA", name: NAME }], answers: [a(NAME, "10.6.6.3")] },
      { type: "query", answers: [a(NAME, "10.6.6.4")] },
    ];
    stub.answer = (question) => [
      Uint8Array.of(1),
      new Uint8Array(600).fill(255),
      ...wrong(question),
      { answers: [a(NAME, "10.0.0.5")] },
    ];
    deepStrictEqual(hostsOf(await ask("A")), ["10.0.0.5"]);
  });

  it("is not misled by a right reply from somewhere else", async () => {
    const stranger = createSocket("udp4");
    try {
      stub.answer = ({ id }) => {
        const bytes = reply(id, "10.6.6.6");
        stranger.send(bytes, stub.ports.at(-1)!, "127.0.0.1", () => setTimeout(() => (stub.answer = good), 20));
        return [];
      };
      // The second asking, after half of the time.
      const good = (): Partial<Packet>[] => [{ answers: [a(NAME, "10.0.0.6")] }];
      deepStrictEqual(hostsOf(await ask("A", { timeoutMs: 400 })), ["10.0.0.6"]);
    } finally {
      stranger.close();
    }
  });

  it("reports malformed what has our number and cannot be read", async () => {
    stub.answer = ({ id }) => [Uint8Array.of(id >> 8, id & 255, 0x81, 0x80, 0, 1, 255, 255, 0, 0, 0, 0, 3, 97)];
    await fails("malformed");
    // A pointer to itself, and an alias that is no name.
    answers(cname(NAME, "a b.internal"));
    await fails("malformed");
  });

  it("gives up a server that floods it", async () => {
    stub.answer = () => Array.from({ length: 150 }, () => Uint8Array.of(0));
    const { error } = await ask("A", { timeoutMs: 1_500 });
    // The kernel may drop some of them.
    ok(error?.code === "malformed" || error?.code === "timeout", error?.code);
  });

  it("Q06 takes no name with a NUL from a reply", async () => {
    answers(cname(NAME, "a\0.internal"), a("a\0.internal", "10.0.0.1"));
    await fails("malformed");
    const service = "_http._tcp.app.internal";
    answers(srv(service, "a\0b.internal", 9001));
    strictEqual((await ask("SRV", { name: service })).error?.code, "malformed");
    // Somebody else's address, under a name that looks like ours to whoever stops at the NUL.
    answers(a(`${NAME}\0.evil.example`, "10.0.0.9"));
    await fails("not-found");
  });

  it("Q06 refuses names that are none, one with NUL among them, without asking", async () => {
    for (const name of ["a\0b", "a b", "", ".", "a..b", "ä.example", `${"x".repeat(64)}.com`, `${"x.".repeat(127)}x`])
      await fails("malformed", { name });
    deepStrictEqual(stub.questions, []);
    answers(a(`${"y.".repeat(126)}y`, "10.0.0.1"));
    deepStrictEqual(hostsOf(await ask("A", { name: `${"y.".repeat(126)}y` })), ["10.0.0.1"]);
  });

  it("knows localhost without asking", async () => {
    deepStrictEqual(hostsOf(await ask("A", { name: "localhost" })), ["127.0.0.1"]);
    deepStrictEqual(hostsOf(await ask("A", { name: "x.LOCALHOST." })), ["127.0.0.1"]);
    deepStrictEqual(stub.questions, []);
  });

  it("asks each question from another port and with another number", async () => {
    answers(a(NAME, "10.0.0.1"));
    for (let i = 0; i < 8; i++) await ask("A");
    ok(new Set(stub.ports).size > 4, `${stub.ports}`);
    ok(new Set(stub.ids).size > 4, `${stub.ids}`);
  });

  it("can be cancelled: once, later, and nothing after", async () => {
    const codes: (string | undefined)[] = [];
    const question = { name: NAME, type: "A", servers: [stub.address], timeoutMs: 2_000 } as const;
    const early = runtime.resolve(question, (error) => codes.push(error?.code));
    early.cancel();
    early.cancel();
    strictEqual(codes.length, 0);
    await aMoment(5);
    strictEqual(codes.join(), "canceled");
    let answered: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      answered = resolve;
    });
    stub.answer = () => {
      answered();
      return [];
    };
    const late = runtime.resolve(question, (error) => codes.push(error?.code));
    await asked;
    late.cancel();
    await aMoment(5);
    late.cancel();
    await aMoment(5);
    strictEqual(codes.join(), "canceled,canceled");
  });
}

function reply(id: number, address: string): Uint8Array {
  const [one, two, three, four] = address.split(".").map(Number);
  const name = [3, 97, 112, 112, 8, 105, 110, 116, 101, 114, 110, 97, 108, 0];
  const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, one!, two!, three!, four!];
  return Uint8Array.from([id >> 8, id & 255, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, ...name, 0, 1, 0, 1, ...answer]);
}

async function freePort(): Promise<StubDns> {
  const stub = await startStubDns();
  await stub.close();
  return stub;
}
