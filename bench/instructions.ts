/**
 * Instructions per request of the core on sockets without a kernel, counted by valgrind, interpreted (`interpreted.ts`).
 * What they say is how much JavaScript a request runs, not how fast a compiler makes it.
 *
 *   npm run -s bench:instructions                               as JSON; needs valgrind and Node 24
 *   npm run -s bench:instructions > bench/instructions.json     what `test/bench/instructions.test.ts` holds later ones against
 */
import { counted, interpreting } from "./interpreted.ts";

/** The difference is counted: what starting and the first requests need goes away. */
const FEW = 100;
const MANY = 500;
const COUNTER = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
/** Room, so that no collection comes between: whether one does depends on what starting has left, and it is 3 %. */
const V8 = ["--min-semi-space-size=64", "--max-semi-space-size=64"];

const perRequest = await interpreting("exchanges.ts", async (run) => {
  const count = async (requests: number) => counted(await run(COUNTER, [requests], V8), /Collected/);
  const [few, many] = await Promise.all([count(FEW), count(MANY)]);
  return (many - few) / (MANY - FEW);
});
console.log(JSON.stringify({ interpreted: Math.round(perRequest / 10) * 10 }, null, 2));
