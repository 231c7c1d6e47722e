/** A check that is content with an accepted connection. */

import type { SocketHandler } from "../runtime.ts";
import type { Conversation } from "./check-run.ts";

export const tcpConversation: Conversation = (socket, finish) => {
  socket.handler = DEAF;
  finish("passed", "the connection was accepted");
  return () => socket.destroy();
};

const DEAF: SocketHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
