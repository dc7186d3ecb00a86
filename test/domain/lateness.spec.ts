import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latenessCredit } from "../../src/domain/lateness.ts";
import { dayMs, hourMs, minuteMs } from "../../src/domain/values.ts";
import { csvRecords, samples } from "../support/samples.ts";

const folder = samples();

describe("credit for keeping a promise late", () => {
  it("is whole on time and early", () => {
    expect(latenessCredit(0)).toBe(1);
    expect(latenessCredit(-dayMs)).toBe(1);
  });

  it.each([
    [minuteMs, 0.99999],
    [hourMs, 0.999],
    [12 * hourMs, 0.9913196],
    [dayMs, 0.99],
    [7 * dayMs, 0.9],
    [14 * dayMs, 0.6127703],
    [30 * dayMs, 0.5],
    [365 * dayMs, 0.1],
    [3650 * dayMs, 0.01],
  ])("%d ms late is worth %d", (latenessMs, credit) => expect(latenessCredit(latenessMs)).toBeCloseTo(credit, 7));

  it("is gone after ten years", () => expect(latenessCredit(3650 * dayMs + 1)).toBe(0));

  it("has no jump at a focal delay", () => {
    for (const knotMs of [minuteMs, hourMs, dayMs, 7 * dayMs, 30 * dayMs, 365 * dayMs]) {
      expect(latenessCredit(knotMs) - latenessCredit(knotMs + 1)).toBeLessThan(1e-6);
    }
  });

  it("falls strictly, to the millisecond", () => {
    const latenessMs = fc.integer({ min: 0, max: 3650 * dayMs - 1 });
    fc.assert(fc.property(latenessMs, (late) => latenessCredit(late + 1) < latenessCredit(late)));
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 * hourMs }), (late) => latenessCredit(late + 1) < latenessCredit(late)));
  });
});

describe.skipIf(folder === undefined)("credit of the real promises of commits.to", () => {
  const promises = folder === undefined ? [] : csvRecords(folder, "commits-to", "promises.csv");
  const closed = promises.filter((row) => row.finished_at !== "");
  // A promise without a due date can't be late.
  const creditOf = (row: Record<string, string>) => Number(row.fraction) * latenessCredit(Number(row.lateness_seconds) * 1000);

  it("is the source's own, row by row", () => {
    const credited = promises.filter((row) => row.credit !== "");
    expect(credited).toHaveLength(190);
    for (const row of credited) expect(Math.abs(creditOf(row) - Number(row.credit)), row.promise).toBeLessThan(1e-6);
  });

  it.each([
    ["A", 156, 0.9990110245],
    ["B", 41, 0.9509065602],
  ])("averages over the closed ones of %s", (promisor, count, mean) => {
    const theirs = closed.filter((row) => row.promisor === promisor);
    expect(theirs).toHaveLength(count);
    expect(theirs.reduce((sum, row) => sum + creditOf(row), 0) / count).toBeCloseTo(mean, 7);
  });
});
