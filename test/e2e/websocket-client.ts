// npm's `ws` as a client, on Node whatever the runtime under test is (Bun replaces that package by its own). It reads
// one command per line, `NAME URL`, and answers each with one line of JSON.

import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

setTimeout(() => process.exit(3), 120_000).unref();

type Command = (url: string) => Promise<unknown>;

const commands: Record<string, Command> = {
  async text(url) {
    const socket = await open(url);
    const answer = await ask(socket, "grüße 👋");
    socket.close();
    return { text: answer.data.toString("utf8"), isBinary: answer.isBinary };
  },
  async binary(url) {
    const socket = await open(url);
    const lengths: number[] = [];
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 1_048_576, 3_000_000]) {
      const bytes = randomBytes(length);
      const { data, isBinary } = await ask(socket, bytes);
      if (!isBinary || digest(data) !== digest(bytes)) throw new Error(`${length} bytes came back changed`);
      lengths.push(data.length);
    }
    socket.close();
    return lengths;
  },
  async fragments(url) {
    const socket = await open(url);
    const answer = once(socket, "message");
    for (let i = 0; i < 20; i++) {
      socket.send(`part ${i} `, { fin: i === 19 });
      if (i === 10) socket.ping("between");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const [data] = (await answer) as [Buffer];
    socket.close();
    return data.toString();
  },
  async ping(url) {
    const socket = await open(url);
    const pong = once(socket, "pong");
    socket.ping("are you there");
    const [data] = (await pong) as [Buffer];
    socket.close();
    return data.toString();
  },
  async closeByClient(url) {
    const socket = await open(url);
    const closed = once(socket, "close");
    socket.close(4002, "client's reason");
    const [code] = await closed;
    return code;
  },
  async closeByServer(url) {
    const socket = new WebSocket(url);
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    return [code, reason.toString()];
  },
  async cutByServer(url) {
    const socket = await open(url);
    const closed = once(socket, "close");
    const [code] = await closed;
    return code;
  },
  async first(url) {
    const socket = new WebSocket(url);
    const [data] = (await once(socket, "message")) as [Buffer];
    socket.close();
    return data.toString();
  },
  async refused(url) {
    const socket = new WebSocket(url);
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    response.destroy();
    return [response.statusCode, response.headers["www-authenticate"] ?? null];
  },
  async deflate(url) {
    const socket = await open(url, true);
    const { data } = await ask(socket, "squeeze me ".repeat(10_000));
    const answer = { extensions: socket.extensions, length: data.length };
    socket.close();
    return answer;
  },
  async many(url) {
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const socket = await open(url);
        for (let round = 0; round < 10; round++) {
          const text = `${i}/${round}`;
          const { data } = await ask(socket, text);
          if (data.toString() !== text) throw new Error(`${text} came back as ${data}`);
        }
        return socket;
      }),
    );
    for (const socket of answers) socket.close();
    await Promise.all(answers.map((socket) => socket.readyState === WebSocket.CLOSED || once(socket, "close")));
    return answers.length;
  },
};

console.log("listening 0");
for await (const line of createInterface({ input: process.stdin })) {
  const [id = "", name = "", url = ""] = line.split(" ");
  const command = commands[name];
  Promise.resolve()
    .then(() => (command === undefined ? Promise.reject(new Error(`no command ${name}`)) : command(url)))
    .then(
      (result) => console.log(`${id} ${JSON.stringify({ result })}`),
      (error: Error) => console.log(`${id} ${JSON.stringify({ error: error.message })}`),
    );
}
process.exit(0);

async function open(url: string, perMessageDeflate = false): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate });
  await once(socket, "open");
  return socket;
}

async function ask(socket: WebSocket, message: string | Buffer): Promise<{ data: Buffer; isBinary: boolean }> {
  const answer = once(socket, "message");
  socket.send(message);
  const [data, isBinary] = (await answer) as [Buffer, boolean];
  return { data, isBinary };
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
