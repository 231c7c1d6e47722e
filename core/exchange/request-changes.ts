/** What hooks have changed of a request: routes, templates, balancers and the upstream see it so. */

import { type Fields, joined } from "../http/fields.ts";
import type { Edits } from "../script/check-edits.ts";

export class RequestChanges {
  path: string | null = null;
  query: string | null = null;
  /** With its port, if it has one. */
  host: string | null = null;
  /** In the order they were asked for. */
  readonly edits: Edits[] = [];

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

  /** The value of a field by lower-case name, as it is now. */
  value(name: string, fields: Fields): string | null {
    let value = fields.value(name);
    for (const { drop, add } of this.edits) {
      if (drop.includes(name)) value = null;
      for (const [added, text] of add)
        if (added.toLowerCase() === name) value = value === null ? text : joined(name, value, text);
    }
    return value;
  }
}
