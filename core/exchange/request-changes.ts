/** What hooks have changed of a request: routes, templates, balancers and the upstream see it so. */

import { type Fields, joined } from "../http/fields.ts";
import type { Edits } from "../script/check-edits.ts";

export class RequestChanges {
  path: string | null = null;
  query: string | null = null;
  /** With its port, if it has one. */
  host: string | null = null;
  /** What is sent whatever the route says: who decides has the last word, `onRequest` comes before the route. */
  sentHost: string | null = null;
  /** Of `onRequest`, in the order they were asked for; the route's own come after them. */
  readonly edits: Edits[] = [];
  /** Of `decide`: after the route's own. */
  readonly decidedEdits: Edits[] = [];

  /** Fields that were dropped for one try. */
  #dropped: number[] = [];

  /** Drops what the try that begins now is not to carry; what the one before did not carry is there again. */
  dropForAttempt(names: readonly string[], fields: Fields): void {
    for (const index of this.#dropped) fields.restore(index);
    this.#dropped = [];
    if (names.length === 0) return;
    const before = Array.from({ length: fields.count }, (_, index) => fields.isDropped(index));
    for (const name of names) fields.dropNamed(name);
    for (const [index, wasDropped] of before.entries())
      if (!wasDropped && fields.isDropped(index)) this.#dropped.push(index);
  }

  edit(edits: Edits): void {
    if (edits.drop.length + edits.add.length > 0) this.edits.push(edits);
  }

  /** What comes with the choice of who is asked. */
  decide(host: string | null, edits: Edits): void {
    if (host !== null) this.host = this.sentHost = host;
    if (edits.drop.length + edits.add.length > 0) this.decidedEdits.push(edits);
  }

  /** The value of a field by lower-case name, as it is now. */
  value(name: string, fields: Fields): string | null {
    let value = fields.value(name);
    for (const { drop, add } of [...this.edits, ...this.decidedEdits]) {
      if (drop.includes(name)) value = null;
      for (const [added, text] of add)
        if (added.toLowerCase() === name) value = value === null ? text : joined(name, value, text);
    }
    return value;
  }
}
