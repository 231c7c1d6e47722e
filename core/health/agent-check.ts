/** Asks a server's agent: connects and reads one line. */

import { CR, LF } from "../bytes/ascii.ts";
import { latin1 } from "../bytes/text.ts";
import { AGENT_LINE_BYTES_MAX } from "../limits.ts";
import type { Socket, SocketHandler } from "../runtime.ts";
import { parseAgentReply } from "./agent-reply.ts";
import type { Conversation, Finish } from "./check-run.ts";

/** Passes with the reply; a line that is none fails, and the reason shows it. */
export const agentConversation: Conversation = (socket, finish) => {
  socket.handler = new AgentLine(finish);
  socket.resume();
  return () => socket.destroy();
};

class AgentLine implements SocketHandler {
  readonly #finish: Finish;
  #line = "";

  constructor(finish: Finish) {
    this.#finish = finish;
  }

  onData(_socket: Socket, bytes: Uint8Array, start: number, end: number): void {
    // As HAProxy reads it: whichever comes first.
    let at = start;
    while (at < end && bytes[at] !== LF && bytes[at] !== CR) at++;
    this.#line += latin1(bytes, start, Math.min(at, start + AGENT_LINE_BYTES_MAX + 1 - this.#line.length));
    if (this.#line.length > AGENT_LINE_BYTES_MAX)
      this.#finish("failed", `the agent's line is longer than ${AGENT_LINE_BYTES_MAX} bytes`);
    else if (at < end) this.#judge();
  }

  onEnd(): void {
    this.#judge();
  }

  onDrain(): void {}

  onClose(): void {
    this.#finish("failed", "the agent closed before its line was complete");
  }

  #judge(): void {
    const line = this.#line;
    const reply = parseAgentReply(line);
    if (reply === null) this.#finish("failed", `the agent said ${JSON.stringify(line)}`);
    else this.#finish("passed", `the agent said ${JSON.stringify(line)}`, reply);
  }
}
