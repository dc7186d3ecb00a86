/** An example value for a JSON schema, always the same, so that the document's examples can't drift from its schemas. */

export type JsonSchema = {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  default?: unknown;
  anyOf?: readonly JsonSchema[];
  oneOf?: readonly JsonSchema[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema;
  additionalProperties?: JsonSchema | boolean;
  format?: string;
  pattern?: string;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  exclusiveMaximum?: number;
  minItems?: number;
  [more: string]: unknown;
};

export function exampleOf(schema: JsonSchema): unknown {
  if (schema.const !== undefined) return schema.const;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return exampleOf(branches.find(({ type }) => type !== "null") ?? {});
  switch (schema.type) {
    case "object":
      return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, of]) => [name, exampleOf(of)]));
    case "array":
      return schema.items === undefined
        ? []
        : Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => exampleOf(schema.items!));
    case "string":
      return textOf(schema);
    case "integer":
      return Math.ceil(lowest(schema) ?? 1);
    case "number":
      return amountOf(schema);
    case "boolean":
      return false;
    default:
      return null;
  }
}

/** The samples that the project's own patterns take. */
const samples = ["visit", "Europe/Berlin", "EUR", "1200.00", "a".repeat(64), "p1"];

function textOf({ format, pattern }: JsonSchema): string {
  if (format === "date-time") return "2026-01-09T10:00:00.000Z";
  if (format === "date") return "2026-01-09";
  if (pattern === undefined) return "text";
  const prefix = /^\^([a-z]{3})_/.exec(pattern)?.[1];
  if (prefix !== undefined) return `${prefix}_0000000000000001`;
  const sample = samples.find((one) => new RegExp(pattern).test(one));
  if (sample === undefined) throw new Error(`there is no sample text for ${pattern}`);
  return sample;
}

const lowest = ({ minimum, exclusiveMinimum }: JsonSchema): number | undefined => {
  if (exclusiveMinimum !== undefined && exclusiveMinimum > -1e9) return exclusiveMinimum + 1;
  return minimum !== undefined && minimum > -1e9 ? minimum : undefined;
};

function amountOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: JsonSchema): number {
  const from = exclusiveMinimum ?? minimum ?? 0;
  const to = exclusiveMaximum ?? maximum ?? from + 1;
  return to <= 1 ? (from + to) / 2 : Math.min(from + 1, to);
}
