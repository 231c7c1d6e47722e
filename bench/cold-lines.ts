/**
 * What many servers and many clients cost a request in memory that is in no cache: lines of 64 bytes that a request of the
 * core reads or writes and that were last used hundreds of requests ago. Valgrind counts the misses of a cache that holds what
 * all requests share, but not what belongs to each server or client. Interpreted (`interpreted.ts`); compiled code
 * touches the same objects.
 *
 *   npm run -s bench:cold-lines       as JSON; needs valgrind and Node 24
 */
import { counted, interpreting } from "./interpreted.ts";

const MANY = 300;
const CACHE = ["--D1=49152,12,64", "--LL=1048576,16,64"];
const COUNTER = ["--tool=cachegrind", "--cache-sim=yes", "--cachegrind-out-file=/dev/null", ...CACHE];
/** No collection comes between. */
const V8 = ["--min-semi-space-size=64", "--max-semi-space-size=64"];
/** The difference of two runs is counted. */
const [FEW_ROUNDS, MANY_ROUNDS] = [2, 3];

const lines = await interpreting("cold-exchanges.ts", async (run) => {
  const missesOf = async (servers: number, clients: number): Promise<number> => {
    const count = async (rounds: number) =>
      counted(await run(COUNTER, [rounds * MANY, servers, clients], V8), /LLd misses/);
    const [few, many] = await Promise.all([count(FEW_ROUNDS), count(MANY_ROUNDS)]);
    return (many - few) / ((MANY_ROUNDS - FEW_ROUNDS) * MANY);
  };
  const shared = await missesOf(1, 1);
  const rounded = (misses: number) => Math.round((misses - shared) * 10) / 10;
  return { perServer: rounded(await missesOf(MANY, 1)), perClient: rounded(await missesOf(1, MANY)) };
});
console.log(JSON.stringify(lines, null, 2));
