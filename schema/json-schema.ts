/** The configuration's shape for editors: valibot → JSON Schema, with what its transformations hide put back. */

import { type ConversionConfig, toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { ConfigSchema } from "../core/config/schema.ts";
import { SIZE_PATTERN } from "../core/config/size.ts";
import { DURATION_PATTERN } from "../core/time/duration.ts";
import { RETRY_REASONS } from "../core/upstream/retry-policy.ts";

type JsonSchema = ReturnType<NonNullable<ConversionConfig["overrideSchema"]>>;

/** A variable may stand wherever text may; what it holds is checked when the file is loaded. */
const OR_VARIABLE = "|\\$\\{env:";

/** With a line end, as it stands in `schema/millrace.schema.json`. */
export function renderJsonSchema(): string {
  const schema = toJsonSchema(ConfigSchema, {
    target: "draft-07",
    typeMode: "input",
    // What a check says beyond the shape is said when the file is loaded.
    errorMode: "ignore",
    // Metadata behind a transformation is not looked at; every key that has one may be left out.
    overrideSchema: ({ valibotSchema, jsonSchema }) => {
      if (!("wrapped" in valibotSchema)) return null;
      const wrapped = valibotSchema.wrapped as v.GenericSchema;
      const description = v.getDescription(wrapped);
      const shape = shapeOf(v.getMetadata(wrapped)) ?? jsonSchema;
      const shown = jsonSchema.default === undefined ? shape : { ...shape, default: jsonSchema.default };
      return description === undefined ? shown : { ...shown, description };
    },
  });
  const { $schema, ...rest } = withoutFunctions(schema);
  const titled = { $schema, title: "Millrace configuration", ...rest };
  return `${JSON.stringify(titled, null, 2)}\n`;
}

/** What is edited as YAML or JSON holds no functions, only the names of scripts. */
function withoutFunctions<T>(schema: T): T {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.filter((each) => !isFunction(each)).map(withoutFunctions) as T;
  const entries = Object.entries(schema).filter(([, inner]) => !isFunction(inner));
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutFunctions(inner)])) as T;
}

function isFunction(schema: unknown): boolean {
  return typeof schema === "object" && schema !== null && "unit" in schema && schema.unit === "function";
}

function shapeOf({ unit, min, max }: Readonly<Record<string, unknown>>): JsonSchema {
  switch (unit) {
    case "percent":
      return { type: "string", pattern: `^[0-9]{1,5}(\\.[0-9]{1,3})?%$${OR_VARIABLE}` };
    case "reason":
      return { anyOf: [{ enum: [...RETRY_REASONS] }, { type: "integer", minimum: 400, maximum: 599 }] };
    case "status":
      return {
        anyOf: [
          { type: "integer", minimum: 200, maximum: 599 },
          { type: "string", pattern: `^[2-5][0-9]{2}(-[2-5][0-9]{2})?$${OR_VARIABLE}` },
        ],
      };
    case "decimal":
      return {
        anyOf: [
          { type: "number", minimum: Number(min), maximum: Number(max) },
          { type: "string", pattern: `^[0-9]+(\\.[0-9]+)?$${OR_VARIABLE}` },
        ],
      };
    case "duration":
      return { type: "string", pattern: `${DURATION_PATTERN.source}${OR_VARIABLE}` };
    case "size":
    case "size or unlimited": {
      const unlimited = unit === "size" ? "" : "|^unlimited$";
      return {
        anyOf: [
          { type: "integer", minimum: 0 },
          { type: "string", pattern: `${SIZE_PATTERN.source}${unlimited}${OR_VARIABLE}` },
        ],
      };
    }
    case "number":
    case "number or unlimited": {
      const unlimited = unit === "number" ? "" : "|^unlimited$";
      return {
        anyOf: [
          { type: "integer", minimum: Number(min), maximum: Number(max) },
          { type: "string", pattern: `^[0-9]+$${unlimited}${OR_VARIABLE}` },
        ],
      };
    }
    case "boolean":
      return { anyOf: [{ type: "boolean" }, { type: "string", pattern: `^(true|false)$${OR_VARIABLE}` }] };
    default:
      return null;
  }
}
