import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Trust,
  trustAt,
  type TrustOptions,
  type TrustOutcome,
  type TrustPoint,
  trustTimeline,
} from "../../src/domain/trust.ts";
import { addMs, dayMs, type Instant } from "../../src/domain/values.ts";

const start = "2024-01-08T09:00:00.000Z" as Instant;
const day = (days: number) => addMs(start, days * dayMs);
const yearly: TrustOptions = { halfLifeDays: 365, priors: [] };
const unforgetting: TrustOptions = { halfLifeDays: Infinity, priors: [] };

const outcome = (days: number, credit: number, position = 1): TrustOutcome => ({
  at: day(days),
  weight: 1,
  credit,
  promise: "prm_0000000000000001",
  occurrence: position - 1,
  verdict: credit === 1 ? "kept" : "broken",
  evidence: [`int_000000000000000${position}`],
  position,
});
/** Fortnightly visits, numbered from 1; those in `broken` were missed. */
const visits = (count: number, ...broken: number[]) =>
  Array.from({ length: count }, (_, i) => outcome(14 * i, broken.includes(i + 1) ? 0 : 1, i + 1));
const times = (count: number, credit: number) => Array.from({ length: count }, (_, i) => outcome(0, credit, i + 1));
const visitDay = (number: number) => day(14 * (number - 1));

function expectScoreAndBand({ score, band }: Pick<Trust | TrustPoint, "score" | "band">, [e, low, high]: readonly number[]) {
  expect(Math.abs(score - e!)).toBeLessThan(1e-6);
  expect(Math.abs(band.low - low!)).toBeLessThan(1e-6);
  expect(Math.abs(band.high - high!)).toBeLessThan(1e-6);
}

describe("trust at an instant", () => {
  it.each([
    ["visit 1", visits(26), visitDay(1), [0.666667, 0.158114, 0.987421]],
    ["visit 13", visits(26), visitDay(13), [0.923886, 0.737928, 0.997916]],
    ["visit 26", visits(26), visitDay(26), [0.95243, 0.831731, 0.998736]],
    ["180 silent days after visit 26", visits(26), day(25 * 14 + 180), [0.935543, 0.77557, 0.998257]],
    ["visit 13 broken instead", visits(26, 13), visitDay(13), [0.847771, 0.61878, 0.979383]],
    ["visit 26 after that break", visits(26, 13), visitDay(26), [0.91876, 0.773228, 0.991986]],
  ] as const)("%s", (_, outcomes, at, expected) => expectScoreAndBand(trustAt(outcomes, yearly, at), expected));

  it("without forgetting is the beta reputation system", () => {
    expectScoreAndBand(trustAt([...times(7, 1), ...times(1, 0)], unforgetting, start), [0.8, 0.517503, 0.971855]);
    expectScoreAndBand(trustAt([...times(8, 1), ...times(2, 0)], unforgetting, start), [0.75, 0.482244, 0.939782]);
  });

  it("forgets by index where outcomes are equally far apart", () => {
    const daily = Array.from({ length: 10 }, (_, i) => outcome(i, 1, i + 1));
    const { positive, score } = trustAt(daily, { halfLifeDays: Math.log(0.5) / Math.log(0.9), priors: [] }, day(9));
    expect(positive).toBeCloseTo(6.5132156, 7);
    expect(score).toBeCloseTo(0.8825355, 6);
  });

  it("is the prior without outcomes, and says that nothing is known", () => {
    const trust = trustAt([], yearly, start);
    expect(trust).toMatchObject({ score: 0.5, positive: 0, negative: 0, prior: 0.5, outcomes: 0 });
    expect(trust.opinion).toEqual({ belief: 0, disbelief: 0, uncertainty: 1 });
    expectScoreAndBand(trust, [0.5, 0.025, 0.975]);
  });

  it("leaves out what had not happened yet", () => {
    expect(trustAt(visits(26), yearly, visitDay(13)).outcomes).toBe(13);
    expect(trustAt(visits(26), yearly, visitDay(13)).score).toBe(trustAt(visits(13), yearly, visitDay(13)).score);
  });

  it("counts partial credit on both sides, by weight", () => {
    const late = { ...outcome(0, 0.9), weight: 2 };
    const { positive, negative } = trustAt([late], yearly, start);
    expect(positive).toBeCloseTo(1.8, 12);
    expect(negative).toBeCloseTo(0.2, 12);
  });

  it("starts from the fitted prior that is in force, else from the policy's, else from a half", () => {
    const priors = [
      { from: day(20), mean: 0.7 },
      { from: day(10), mean: 0.8 },
    ];
    const priorAt = (at: Instant, options: Partial<TrustOptions> = {}) =>
      trustAt([], { ...yearly, priors, ...options }, at).prior;
    expect([day(9), day(10), day(19), day(20), day(99)].map((at) => priorAt(at))).toEqual([0.5, 0.8, 0.8, 0.7, 0.7]);
    expect(priorAt(day(9), { priorMean: 0.6 })).toBe(0.6);
    expect(trustAt([outcome(0, 1)], { ...yearly, priors }, day(10)).score).toBeCloseTo(
      (1.6 + 2 ** (-10 / 365)) / (2 + 2 ** (-10 / 365)),
      12,
    );
  });
});

describe("the trust timeline", () => {
  it("passes through the reference points, each with its cause", () => {
    const points = trustTimeline(visits(26, 13), yearly, visitDay(26));
    expect(points).toHaveLength(27);
    const broken = points[12]!;
    expectScoreAndBand(broken, [0.847771, 0.61878, 0.979383]);
    expect(broken.change.decay).toBeCloseTo(-0.001813, 6);
    expect(broken.change.event).toBeCloseTo(-0.069844, 6);
    expect(broken.change.prior).toBe(0);
    expect(broken.outcome).toEqual(visits(26, 13)[12]);
    expectScoreAndBand(points[25]!, [0.91876, 0.773228, 0.991986]);
  });

  it("explains its first point from the prior", () => {
    const [first] = trustTimeline(visits(1), yearly, day(0));
    expect(first!.change).toEqual({ total: 2 / 3 - 0.5, decay: 0, event: 2 / 3 - 0.5, prior: 0 });
  });

  it("ends at the instant asked for, where only time has passed", () => {
    const points = trustTimeline(visits(26), yearly, day(25 * 14 + 180));
    const last = points.at(-1)!;
    expectScoreAndBand(last, [0.935543, 0.77557, 0.998257]);
    expect(last).toMatchObject({ at: day(25 * 14 + 180), outcome: null, change: { event: 0, prior: 0 } });
    expect(last.change.total).toBe(last.change.decay);
    expect(last.change.decay).toBeCloseTo(0.935543 - 0.95243, 5);
  });

  it("names a new prior apart from event and decay", () => {
    const options = { ...yearly, priors: [{ from: day(7), mean: 0.8 }] };
    const [, second, last] = trustTimeline(visits(2), options, day(14));
    const left = 2 ** (-14 / 365);
    const [decayed, rebased] = [(1 + left) / (2 + left), (1.6 + left) / (2 + left)];
    expect(second!.change.decay).toBeCloseTo(decayed - 2 / 3, 12);
    expect(second!.change.prior).toBeCloseTo(rebased - decayed, 12);
    expect(second!.change.event).toBeCloseTo((2.6 + left) / (3 + left) - rebased, 12);
    expect(last!.change).toEqual({ total: 0, decay: 0, event: 0, prior: 0 });
  });

  it("without outcomes is one point at the prior", () =>
    expect(trustTimeline([], yearly, start)).toMatchObject([{ at: start, score: 0.5, outcome: null, change: { total: 0 } }]));

  it("orders what happened at one instant by position", () => {
    const points = trustTimeline([outcome(0, 0, 2), outcome(0, 1, 1)], yearly, start);
    expect(points.map((point) => point.outcome?.position)).toEqual([1, 2, undefined]);
  });
});

describe("for any outcomes", () => {
  const anyOutcomes = fc
    .array(fc.record({ days: fc.integer({ min: 0, max: 2000 }), credit: fc.double({ min: 0, max: 1, noNaN: true }) }), {
      maxLength: 30,
    })
    .map((list) => list.map(({ days, credit }, i) => outcome(days, credit, i + 1)));
  const anyOptions = fc.record({
    halfLifeDays: fc.integer({ min: 1, max: 3650 }),
    priors: fc.array(
      fc.record({ from: fc.integer({ min: 0, max: 2000 }).map(day), mean: fc.double({ min: 0.05, max: 0.95, noNaN: true }) }),
      { maxLength: 4 },
    ),
  });
  const end = day(2500);

  it("changes add up: to each point's total, and over all points to the score", () =>
    fc.assert(
      fc.property(anyOutcomes, anyOptions, (outcomes, options) => {
        const points = trustTimeline(outcomes, options, end);
        let score = trustAt([], options, points[0]!.at).score;
        for (const point of points) {
          const { total, decay, event, prior } = point.change;
          expect(decay + event + prior).toBe(total);
          expect(point.score - score).toBeCloseTo(total, 12);
          score = point.score;
        }
        expect(score).toBe(trustAt(outcomes, options, end).score);
      }),
    ));

  it("each point is the trust at its instant, for the outcomes up to there", () =>
    fc.assert(
      fc.property(anyOutcomes, anyOptions, (outcomes, options) => {
        const points = trustTimeline(outcomes, options, end).slice(0, -1);
        const seen: TrustOutcome[] = [];
        for (const point of points) {
          seen.push(point.outcome!);
          expect(trustAt(seen, options, point.at).score).toBe(point.score);
        }
      }),
    ));

  it("the order in which they are learned doesn't matter, to the last digit", () =>
    fc.assert(
      fc.property(
        anyOutcomes.chain((outcomes) =>
          fc.tuple(fc.constant(outcomes), fc.shuffledSubarray(outcomes, { minLength: outcomes.length })),
        ),
        anyOptions,
        ([outcomes, shuffled], options) => {
          expect(trustAt(shuffled, options, end)).toEqual(trustAt(outcomes, options, end));
          expect(trustTimeline(shuffled, options, end)).toEqual(trustTimeline(outcomes, options, end));
        },
      ),
    ));

  it("evidence is the decayed sum of its formula, and adds up over levels", () =>
    fc.assert(
      fc.property(anyOutcomes, anyOutcomes, anyOptions, (ours, theirs, options) => {
        const both = trustAt([...ours, ...theirs], options, end);
        const apart = [trustAt(ours, options, end), trustAt(theirs, options, end)] as const;
        expect(both.positive).toBeCloseTo(apart[0].positive + apart[1].positive, 9);
        expect(both.negative).toBeCloseTo(apart[0].negative + apart[1].negative, 9);
        const ageDays = (at: Instant) => (Date.parse(end) - Date.parse(at)) / dayMs;
        const direct = ours.reduce((sum, { at, credit }) => sum + credit * 2 ** (-ageDays(at) / options.halfLifeDays), 0);
        expect(apart[0].positive).toBeCloseTo(direct, 9);
      }),
    ));

  it("the opinion adds up to 1 and gives the score", () =>
    fc.assert(
      fc.property(anyOutcomes, anyOptions, (outcomes, options) => {
        const { opinion, prior, score, band } = trustAt(outcomes, options, end);
        expect(opinion.belief + opinion.disbelief + opinion.uncertainty).toBeCloseTo(1, 12);
        expect(opinion.belief + opinion.uncertainty * prior).toBeCloseTo(score, 12);
        expect(band.low).toBeLessThan(score);
        expect(band.high).toBeGreaterThan(score);
      }),
    ));

  it("silence leads to the prior, never past it", () =>
    fc.assert(
      fc.property(anyOutcomes, (outcomes) => {
        const distances = [2500, 3500, 9000, 60_000].map((days) => trustAt(outcomes, yearly, day(days)).score - 0.5);
        expect(Math.abs(distances[3]!)).toBeLessThan(1e-9);
        for (const [i, distance] of distances.slice(1).entries()) {
          expect(Math.abs(distance)).toBeLessThanOrEqual(Math.abs(distances[i]!) + 1e-12);
          expect(distance * distances[i]!).toBeGreaterThanOrEqual(-1e-12);
        }
      }),
    ));
});
