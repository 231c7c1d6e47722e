/**
 * What the suite runs in a process of its own: `child.ts echo|throwing|listen-unix PATH|ticking|exhausted PORT PATH`.
 * Says its port, or `ready`, as its first line; ends by itself after some seconds.
 */
import { closeSync, openSync } from "node:fs";
import process from "node:process";
import { loadRuntime } from "../../../adapters/mod.ts";
import type { Address, SocketHandler } from "../../../core/runtime.ts";

const [command = "", path = "", otherPath = ""] = process.argv.slice(2);
const runtime = await loadRuntime();

if (command === "ticking") {
  // Must not keep the process alive.
  runtime.every(10, () => {});
  console.log("ready");
} else if (command === "exhausted") {
  await ask([
    { kind: "tcp", host: "127.0.0.1", port: Number(path) },
    { kind: "unix", path: otherPath },
  ]);
} else {
  setTimeout(() => process.exit(3), 15_000);
  if (command === "throwing")
    process.on("uncaughtException", (error: Error) => console.log(`uncaught: ${error.message}`));
  await serve(command === "listen-unix" ? { kind: "unix", path } : { kind: "tcp", host: "127.0.0.1", port: 0 });
}

async function serve(address: Address): Promise<void> {
  const handler: SocketHandler = {
    onData(socket, bytes, start, end) {
      const text = new TextDecoder().decode(bytes.subarray(start, end));
      if (text === "throw data") throw new Error("our bug");
      if (text === "throw drain") while (socket.write(new Uint8Array(65536)));
      else socket.writeRange(bytes, start, end);
    },
    onDrain() {
      throw new Error("our bug");
    },
    onEnd(socket) {
      if (command === "throwing") throw new Error("our bug");
      socket.end();
    },
    onClose() {},
  };
  let acceptErrors = 0;
  const listener = await runtime.listen(
    { address, backlog: 128, reusePort: false, highWaterBytes: 65536, tls: null },
    {
      onSocket(socket) {
        socket.handler = handler;
        socket.resume();
      },
      onAcceptError(error) {
        acceptErrors += 1;
        if (acceptErrors < 3) console.log(`accept: ${error.code}`);
      },
    },
  );
  console.log(listener.address.kind === "tcp" ? listener.address.port : "ready");
}

/** What the port answers while no descriptor is left, and once there are some again. */
async function ask(servers: readonly Address[]): Promise<void> {
  const answers = async (): Promise<string[]> => {
    const codes = await Promise.all(servers.map(connectTo));
    return [loadOf(), ...codes];
  };
  const taken = takeAll();
  // Starting may still hold some.
  await new Promise((resolve) => setTimeout(resolve, 100));
  taken.push(...takeAll());
  const without = await answers();
  for (const descriptor of taken) closeSync(descriptor);
  console.log(JSON.stringify({ without, again: await answers() }));
}

function takeAll(): number[] {
  const taken: number[] = [];
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    return taken;
  }
}

function loadOf(): string {
  try {
    const load = runtime.memoryLoad();
    return load === null || load > 0 ? "load" : `${load}`;
  } catch (error) {
    return String(error);
  }
}

function connectTo(address: Address): Promise<string> {
  return new Promise((resolve) => {
    runtime.connect({ address, highWaterBytes: 65536, tls: null }, (error, socket) => {
      socket?.destroy();
      resolve(error?.code ?? "connected");
    });
  });
}
