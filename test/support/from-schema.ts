/** Values that a JSON schema takes, and values that are nearly so: for specs that throw everything at an edge. */
import fc from "fast-check";
import type { JsonSchema } from "../../src/api/openapi/example.ts";

type Schema = JsonSchema & { required?: string[]; minLength?: number; maxLength?: number; maxItems?: number };

/** @param known ids that exist, so that some values get past the first check. */
export function fitting(schema: Schema, known: readonly string[] = []): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) return fc.oneof(...branches.map((branch) => fitting(branch, known)));
  switch (schema.type) {
    case "object":
      return objectOf(schema, known);
    case "array":
      return fc.array(fitting(schema.items ?? {}, known), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3),
      });
    case "string":
      return textOf(schema, known);
    case "integer":
      return fc.integer({ min: Math.ceil(lower(schema)), max: Math.floor(upper(schema)) });
    case "number":
      return fc.double({ min: lower(schema), max: upper(schema), noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

const lower = ({ minimum, exclusiveMinimum }: Schema): number => Math.max(minimum ?? -1e6, exclusiveMinimum ?? -1e6);
const upper = ({ maximum, exclusiveMaximum }: Schema): number => Math.min(maximum ?? 1e6, exclusiveMaximum ?? 1e6);

function objectOf(schema: Schema, known: readonly string[]): fc.Arbitrary<unknown> {
  if (schema.properties === undefined && typeof schema.additionalProperties === "object")
    return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fitting(schema.additionalProperties, known), { maxKeys: 3 });
  const members = Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, of]) => [name, fitting(of, known)]));
  return fc.record(members, { requiredKeys: schema.required ?? [] });
}

const instants = fc.date({ min: new Date("2025-06-01T00:00:00Z"), max: new Date("2026-06-01T00:00:00Z"), noInvalidDate: true });

function textOf({ format, pattern, minLength, maxLength }: Schema, known: readonly string[]): fc.Arbitrary<string> {
  if (format === "date-time") return instants.map((date) => date.toISOString());
  if (format === "date") return instants.map((date) => date.toISOString().slice(0, 10));
  const rules = fc.constantFrom(
    "FREQ=WEEKLY;INTERVAL=2",
    "FREQ=DAILY;COUNT=3",
    "FREQ=MONTHLY;BYDAY=1FR",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
  );
  if (pattern === undefined) return fc.oneof(fc.string({ minLength, maxLength: Math.min(maxLength ?? 20, 20) }), rules);
  const form = new RegExp(pattern);
  const fittingIds = known.filter((id) => form.test(id));
  const made = fc.stringMatching(form).map((text) => text.slice(0, maxLength));
  return fittingIds.length === 0 ? made : fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...fittingIds) }, made);
}

/** What nobody should send. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -1,
    0,
    0.5,
    -0,
    1e308,
    2 ** 53,
    "",
    " ",
    "\u0000",
    "\ud800",
    "\udfff",
    [],
    {},
    [[]],
    "2026-02-30T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z",
    "0000-01-01T00:00:00.000Z",
    "house",
    "acc_9999999999999999",
    "x".repeat(5_000),
  ),
  fc.jsonValue({ maxDepth: 3 }),
  fc.integer({ min: 1, max: 40 }).map((depth) => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`) as unknown),
);

const strangeKey = fc.oneof(
  fc.constantFrom("__proto__", "constructor", "toString", "", "a/b~c", "\ud800"),
  fc.string({ maxLength: 10 }),
);

/** A value with one thing wrong somewhere: something else in its place, a member gone, or one too many. */
export const spoilt = (value: unknown): fc.Arbitrary<unknown> =>
  fc.tuple(fc.nat(), fc.constantFrom("replace", "remove", "add"), junk, strangeKey).map(([place, how, what, key]) => {
    const copy = structuredClone(value);
    const places = containers(copy);
    const container = places[place % Math.max(1, places.length)] as Record<string, unknown> | undefined;
    if (container === undefined) return what;
    const keys = Object.keys(container);
    const chosen = keys[place % Math.max(1, keys.length)];
    if (how === "add" || chosen === undefined)
      Object.defineProperty(container, key, { value: what, enumerable: true, configurable: true, writable: true });
    else if (how === "remove") Reflect.deleteProperty(container, chosen);
    else container[chosen] = what;
    return copy;
  });

function containers(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(containers)];
}
