// Writes schema/millrace.schema.json, core/config/config.ts and the reference in docs/configuration.md from core/config/schema.ts.
//
//   npm run schema

import { readFileSync, writeFileSync } from "node:fs";
import { renderConfigTypes } from "./config-types.ts";
import { renderJsonSchema } from "./json-schema.ts";
import { withReference } from "./reference.ts";

const page = new URL("../docs/configuration.md", import.meta.url);
writeFileSync(new URL("./millrace.schema.json", import.meta.url), renderJsonSchema());
writeFileSync(new URL("../core/config/config.ts", import.meta.url), renderConfigTypes());
writeFileSync(page, withReference(readFileSync(page, "utf8")));
