/** Schemas that are asked often are compiled: they take what they took before, and refuse in the same words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { jsonSchemaOf } from "../../src/api/openapi/operations.ts";
import { reporting, soonest } from "../../src/api/validation.ts";
import { commands } from "../../src/commands/registry.ts";
import { fitting, spoilt } from "../support/from-schema.ts";

const compiled = <Schema extends z.ZodType>(schema: Schema): Schema => {
  let soon = soonest(schema);
  for (let uses = 0; soon === schema && uses < 1_000; uses += 1) soon = soonest(schema);
  return soon;
};

const outcomeOf = (schema: z.ZodType, value: unknown): unknown => {
  const { success, data, error } = schema.safeParse(value, reporting);
  return success ? data : error.issues;
};

describe("the compiled body of", () => {
  it.each(commands.map(({ name, body, example }) => [name, body, example] as const))("%s", (_name, body, example) => {
    const soon = compiled(body);
    expect(outcomeOf(soon, example)).toEqual(outcomeOf(body, example));
    const bodies = fitting(jsonSchemaOf(body, "input"));
    const property = fc.property(bodies, bodies.chain(spoilt), (good, bad) => {
      expect(outcomeOf(soon, good)).toEqual(outcomeOf(body, good));
      expect(outcomeOf(soon, bad)).toEqual(outcomeOf(body, bad));
    });
    fc.assert(property, { numRuns: 20, seed: 20260201 });
  });
});

it("is another schema than the one that is written, once it is asked often", () => {
  const schema = z.strictObject({ kind: z.string() });
  expect(soonest(schema)).toBe(schema);
  expect(compiled(schema)).not.toBe(schema);
});
