import { describe } from "@std/testing/bdd";
import { closing } from "./contract/closing.ts";
import { flowing } from "./contract/flowing.ts";
import { memoryLink } from "./contract/memory-link.ts";

// What the port promises of one connection holds in memory, too; listening, connecting and descriptors are not its. One
// end is enough: both are made alike.
describe("sockets in memory", () => {
  flowing(memoryLink);
  closing({ reset: true }, memoryLink);
});
