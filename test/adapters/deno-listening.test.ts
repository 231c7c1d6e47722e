import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { nameOf } from "../../adapters/deno-address.ts";
import { libc } from "../../adapters/deno-libc.ts";
import { listenOnTcp } from "../../adapters/deno-listening.ts";
import { listenOptions, portOf } from "./contract/link.ts";

// Linux' numbers.
const AF_INET = 2;
const SOCK_STREAM = 1;

const BACKLOG = 16;
const COMING_AGAIN = 100;

(libc === null ? it.ignore : it)("closes for all that clients come again as fast as they are accepted", async () => {
  const clients: number[] = [];
  let port = 0;
  const connect = (): void => {
    const name = nameOf({ kind: "tcp", host: "127.0.0.1", port }) as Uint8Array;
    const client = libc!.socket(AF_INET, SOCK_STREAM, 0);
    clients.push(client);
    libc!.connect(client, name, name.length);
  };
  let accepted = 0;
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const listener = listenOnTcp(listenOptions(address, { backlog: BACKLOG }), address, {
    onSocket(socket) {
      accepted++;
      socket.destroy();
      if (accepted < COMING_AGAIN) connect();
    },
    onAcceptError() {},
  })!;
  port = portOf(listener.address);
  for (let client = 0; client <= BACKLOG; client++) connect();
  await listener.close();
  for (const client of clients) libc!.close(client);
  // As many as the queue holds.
  assert.equal(accepted, BACKLOG + 1);
});
