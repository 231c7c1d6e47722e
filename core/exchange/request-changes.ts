/** What hooks have changed of a request: routes, templates, balancers and the upstream see it so. */

import type { Fields } from "../http/fields.ts";
import { type Edits, NO_EDITS } from "../script/check-edits.ts";

export class RequestChanges {
  path: string | null = null;
  query: string | null = null;
  /** With its port, if it has one. */
  host: string | null = null;
  /** In the order they were asked for. */
  readonly edits: Edits[] = [];
  /** For the try that comes next only. */
  ofAttempt: Edits = NO_EDITS;

  edit(edits: Edits): void {
    if (edits.drop.length + edits.add.length > 0) this.edits.push(edits);
  }

  /** The value of a field by lower-case name, as it is now. */
  value(name: string, fields: Fields): string | null {
    let value = fields.value(name);
    for (const { drop, add } of this.edits) {
      if (drop.includes(name)) value = null;
      for (const [added, text] of add)
        if (added.toLowerCase() === name) value = value === null ? text : `${value}, ${text}`;
    }
    return value;
  }
}
