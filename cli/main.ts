/** Entry of sources and package; executables have theirs in `executable.ts`. */

import process from "node:process";
import { start } from "./start.ts";

process.exit(await start());
