/** Where connections come in that no listener accepted: the program around the proxy hands them over. */

import type { Engine } from "../exchange/engine.ts";
import type { Socket } from "../runtime.ts";
import { Listener } from "./listener.ts";
import type { Pressure } from "./pressure.ts";

export class Doors {
  readonly #engine: Engine;
  readonly #pressure: Pressure;
  readonly #doors = new Map<string, Listener>();
  #isOpen = false;
  #isShut = false;

  constructor(engine: Engine, pressure: Pressure) {
    this.#engine = engine;
    this.#pressure = pressure;
  }

  /** They are listeners that never listen, each with its sessions. */
  get all(): Iterable<Listener> {
    return this.#doors.values();
  }

  accept(socket: Socket, name: string): void {
    if (this.#isShut) {
      socket.reset();
      return;
    }
    let door = this.#doors.get(name);
    if (door === undefined) {
      const definition = { name, address: socket.local, reusePort: false };
      door = new Listener(this.#engine, definition, this.#pressure);
      this.#doors.set(name, door);
      if (this.#isOpen) door.open();
    }
    door.onSocket(socket);
  }

  /** Who waits is served from here on. */
  open(): void {
    this.#isOpen = true;
    for (const door of this.all) door.open();
  }

  /** Nobody is let in any more; who is in may stay. */
  shut(): void {
    this.#isShut = true;
  }
}
