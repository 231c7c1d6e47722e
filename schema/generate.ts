// Writes schema/millrace.schema.json, core/config/config-keys.ts and the reference in docs/configuration.md from core/config/schema.ts.
//
//   npm run schema

import { readFileSync, writeFileSync } from "node:fs";
import { renderConfigKeys } from "./config-keys.ts";
import { renderJsonSchema } from "./json-schema.ts";
import { withReference } from "./reference.ts";

const page = new URL("../docs/configuration.md", import.meta.url);
writeFileSync(new URL("./millrace.schema.json", import.meta.url), renderJsonSchema());
writeFileSync(new URL("../core/config/config-keys.ts", import.meta.url), renderConfigKeys());
writeFileSync(page, withReference(readFileSync(page, "utf8")));
