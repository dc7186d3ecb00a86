import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { epochMs, type Instant } from "../../src/domain/values.ts";

describe("the milliseconds of an instant", () => {
  it("are those that a parser of dates gives, over all years", () => {
    const [first, last] = ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"].map((text) => new Date(text));
    const instants = fc.date({ min: first!, max: last!, noInvalidDate: true }).map((date) => date.toISOString() as Instant);
    fc.assert(
      fc.property(instants, (at) => epochMs(at) === Date.parse(at)),
      {
        numRuns: 2_000,
        examples: [["2000-02-29T23:59:59.999Z"], ["1900-03-01T00:00:00.000Z"], ["0000-02-29T12:00:00.000Z"]] as [Instant][],
      },
    );
    expect(epochMs("1970-01-01T00:00:00.000Z" as Instant)).toBe(0);
  });
});
