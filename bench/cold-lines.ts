/**
 * What many servers and many clients cost a request in memory that is in no cache: lines of 64 bytes that a request of the
 * core reads or writes and that were last used hundreds of requests ago. Valgrind counts the misses of a cache that holds what
 * all requests share, but not what belongs to each server or client. Interpreted (`interpreted.ts`); compiled code
 * touches the same objects.
 *
 *   npm run -s bench:cold-lines       as JSON; needs valgrind and Node 24
 */
import { counted, interpreting } from "./interpreted.ts";

const MANY = 400;
const CACHE = ["--D1=49152,12,64", "--LL=1048576,16,64"];
const COUNTER = ["--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null", ...CACHE];
/** No collection comes between. */
const V8 = ["--min-semi-space-size=64", "--max-semi-space-size=64"];
/** The difference of two runs is counted. */
const ROUNDS = [2, 4] as const;

const lines = await interpreting("cold-exchanges.ts", (run) => {
  const missesOf = (servers: number, clients: number): number => {
    const count = (rounds: number) => counted(run(COUNTER, [rounds * MANY, servers, clients], V8), /LLd misses/);
    return (count(ROUNDS[1]) - count(ROUNDS[0])) / ((ROUNDS[1] - ROUNDS[0]) * MANY);
  };
  const few = missesOf(1, 1);
  const rounded = (misses: number) => Math.round((misses - few) * 10) / 10;
  return { perServer: rounded(missesOf(MANY, 1)), perClient: rounded(missesOf(1, MANY)) };
});
console.log(JSON.stringify(lines, null, 2));
