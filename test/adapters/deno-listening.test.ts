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

const own = libc === null ? it.ignore : it;
const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;

/** Its descriptor. */
function connectTo(port: number): number {
  const name = nameOf({ kind: "tcp", host: "127.0.0.1", port }) as Uint8Array;
  const client = libc!.socket(AF_INET, SOCK_STREAM, 0);
  libc!.connect(client, name, name.length);
  return client;
}

own("closes for all that clients come again as fast as they are accepted", async () => {
  const clients: number[] = [];
  let port = 0;
  let accepted = 0;
  const listener = listenOnTcp(listenOptions(address, { backlog: BACKLOG }), address, {
    onSocket(socket) {
      accepted++;
      socket.destroy();
      if (accepted < COMING_AGAIN) clients.push(connectTo(port));
    },
    onAcceptError() {},
  })!;
  port = portOf(listener.address);
  for (let client = 0; client <= BACKLOG; client++) clients.push(connectTo(port));
  await listener.close();
  for (const client of clients) libc!.close(client);
  // As many as the queue holds.
  assert.equal(accepted, BACKLOG + 1);
});

own("closes its descriptor once, should somebody who is accepted at the close ask for it, too", async () => {
  let opened = -1;
  const listener = listenOnTcp(listenOptions(address), address, {
    onSocket(socket) {
      socket.destroy();
      void listener.close();
      // The number that is free now.
      opened = libc!.eventfd(0, 0);
    },
    onAcceptError() {},
  })!;
  const client = connectTo(portOf(listener.address));
  await listener.close();
  assert.equal(libc!.close(opened), 0, "it was closed with the listener");
  libc!.close(client);
});
