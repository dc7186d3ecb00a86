import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { betaCdf } from "../../src/domain/beta.ts";
import {
  fitPeerPrior,
  isExcluded,
  type Judgement,
  type KeepingOutcome,
  keepingRate,
  type PeerRecord,
  shrunkRate,
  type Verdict,
  wilsonInterval,
} from "../../src/domain/keeping.ts";
import { countedVerdicts, excludedVerdicts } from "../../src/domain/verdict.ts";

const kept: KeepingOutcome = { verdict: "kept" };
const broken: KeepingOutcome = { verdict: "broken" };
const late = (credit: number): KeepingOutcome => ({ verdict: "kept-late", credit });
const partly = (credit: number): KeepingOutcome => ({ verdict: "partly-kept", credit });
const times = (count: number, outcome: KeepingOutcome) => Array.from({ length: count }, () => outcome);

describe("Wilson's interval", () => {
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
    [33, 99, 0.2482, 0.4309],
    [24, 102, 0.1635, 0.3263],
  ])("%d of %d", (k, n, low, high) => {
    const interval = wilsonInterval(k, n)!;
    expect(Math.abs(interval.low - low)).toBeLessThan(5e-5);
    expect(Math.abs(interval.high - high)).toBeLessThan(5e-5);
  });

  it("is none for none of none", () => expect(wilsonInterval(0, 0)).toBeNull());

  it("holds the rate and stays within 0..1", () =>
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const k = Math.round(n * share);
        const { low, high } = wilsonInterval(k, n)!;
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(k / n + 1e-12);
        expect(high).toBeGreaterThanOrEqual(k / n - 1e-12);
      }),
    ));
});

describe("the keeping rate", () => {
  it("is none without outcomes, not 0 and not 1", () => {
    const rate = keepingRate([{ verdict: "waived" }, { verdict: "pending" }]);
    expect([rate.lateAsKept, rate.lateAsNotKept, rate.meanCredit]).toEqual([null, null, null]);
    expect(rate.pending).toBe(1);
  });

  it("counts late as kept and as not kept, and returns both", () => {
    const rate = keepingRate([...times(7, kept), ...times(2, late(0.9)), broken]);
    expect(rate.counts).toEqual({ kept: 7, keptLate: 2, partlyKept: 0, broken: 1 });
    expect(rate.lateAsKept).toEqual({ kept: 9, of: 10, rate: 0.9, interval: wilsonInterval(9, 10) });
    expect(rate.lateAsNotKept).toEqual({ kept: 7, of: 10, rate: 0.7, interval: wilsonInterval(7, 10) });
    expect(rate.meanCredit).toBeCloseTo(0.88, 12);
  });

  it("never rounds partly kept up to kept", () => {
    const rate = keepingRate([kept, partly(0.99)]);
    expect(rate.lateAsKept).toMatchObject({ kept: 1, of: 2 });
    expect(rate.meanCredit).toBeCloseTo(0.995, 12);
  });

  it("leaves excluded and pending ones out, and counts them", () => {
    const excluded = excludedVerdicts.map((verdict): KeepingOutcome => ({ verdict }));
    const rate = keepingRate([kept, broken, ...excluded, { verdict: "waived" }, { verdict: "pending" }]);
    expect(rate.lateAsKept).toMatchObject({ kept: 1, of: 2 });
    expect(rate.excluded).toEqual({ ...Object.fromEntries(excludedVerdicts.map((verdict) => [verdict, 1])), waived: 2 });
    expect(rate.pending).toBe(1);
  });

  it("knows every verdict as counted or excluded", () => {
    const verdicts: Verdict[] = [...countedVerdicts, ...excludedVerdicts];
    expect(verdicts.filter(isExcluded)).toEqual([...excludedVerdicts]);
    expect(isExcluded("pending")).toBe(false);
  });

  it.each<Judgement>([{ verdict: "kept-late" }, { verdict: "partly-kept", credit: null }, { verdict: "kept-late", credit: 1.1 }])(
    "refuses $verdict with a credit of $credit",
    (judgement) => expect(() => keepingRate([judgement])).toThrow(RangeError),
  );
});

describe("open disputes", () => {
  it("leave the recorded verdict as the headline, between two bounds", () => {
    const rate = keepingRate([
      ...times(6, kept),
      { ...kept, ifUpheld: broken },
      { ...broken, ifUpheld: late(0.8) },
      { ...broken, ifUpheld: { verdict: "waived" } },
      broken,
    ]);
    expect(rate.disputes.open).toBe(3);
    expect(rate.lateAsKept).toMatchObject({ kept: 7, of: 10 });
    expect(rate.disputes.allDismissed.lateAsKept).toMatchObject({ kept: 7, of: 10 });
    expect(rate.disputes.allUpheld).toMatchObject({
      counts: { kept: 6, keptLate: 1, broken: 2 },
      excluded: { waived: 1 },
      lateAsKept: { kept: 7, of: 9 },
      lateAsNotKept: { kept: 6, of: 9 },
    });
    expect(rate.disputes.allUpheld.meanCredit).toBeCloseTo(6.8 / 9, 12);
  });

  it("leave out of the upper bound what would not have ended yet", () => {
    const rate = keepingRate([kept, { ...broken, ifUpheld: null }, { ...broken, ifUpheld: { verdict: "pending" } }]);
    expect(rate.lateAsKept).toMatchObject({ kept: 1, of: 3 });
    expect(rate.disputes.open).toBe(2);
    expect(rate.disputes.allUpheld).toMatchObject({ lateAsKept: { kept: 1, of: 1 }, pending: 1 });
  });

  it("none open, both bounds are the headline", () => {
    const { disputes, ...headline } = keepingRate([kept, late(0.5), broken]);
    expect(disputes).toEqual({ open: 0, allUpheld: headline, allDismissed: headline });
  });
});

/** `count` peers at the quantiles of Beta(alpha, beta), each with the nearest record of `of`: no randomness needed. */
function peersLike(alpha: number, beta: number, count: number, of: number): PeerRecord[] {
  const rateAt = (p: number) => {
    let [low, high] = [0, 1];
    for (let i = 0; i < 50; i++) {
      const middle = (low + high) / 2;
      if (betaCdf(middle, alpha, beta) < p) low = middle;
      else high = middle;
    }
    return low;
  };
  return Array.from({ length: count }, (_, i) => ({ kept: Math.round(of * rateAt((i + 0.5) / count)), of }));
}

describe("the prior of peers", () => {
  it("is what the peers were drawn from", () => {
    const prior = fitPeerPrior(peersLike(8, 2, 400, 2000))!;
    expect(prior.alpha / 8).toBeCloseTo(1, 1);
    expect(prior.beta / 2).toBeCloseTo(1, 1);
    expect(prior.peers).toBe(400);
  });

  it("is a maximum of the likelihood", () => {
    // Records 0, 1 and 2 of 2: the beta-binomial has a closed form, and matching the shares exactly is its maximum.
    const shares = [0.2, 0.3, 0.5].map((share) => share * 100);
    const peers = shares.flatMap((count, k) => Array.from({ length: count }, () => ({ kept: k, of: 2 })));
    const { alpha, beta } = fitPeerPrior(peers)!;
    const total = (alpha + beta) * (alpha + beta + 1);
    expect((beta * (beta + 1)) / total).toBeCloseTo(0.2, 4);
    expect((alpha * (alpha + 1)) / total).toBeCloseTo(0.5, 4);
  });

  it("shrinks to the common rate where peers differ no more than chance makes them", () => {
    const prior = fitPeerPrior(Array.from({ length: 50 }, () => ({ kept: 8, of: 10 })))!;
    expect(prior.alpha / (prior.alpha + prior.beta)).toBeCloseTo(0.8, 3);
    expect(shrunkRate({ kept: 0, of: 10 }, prior)).toBeGreaterThan(0.79);
  });

  it("is finite where everyone kept everything", () => {
    const prior = fitPeerPrior(Array.from({ length: 10 }, () => ({ kept: 5, of: 5 })))!;
    expect(shrunkRate({ kept: 0, of: 0 }, prior)).toBeGreaterThan(0.99);
  });

  it("needs two peers with a record, and records that can be", () => {
    expect(
      fitPeerPrior([
        { kept: 3, of: 4 },
        { kept: 0, of: 0 },
      ]),
    ).toBeNull();
    expect(() => fitPeerPrior([{ kept: 5, of: 4 }])).toThrow(RangeError);
  });

  it("keeps a short perfect record behind a long good one", () => {
    const prior = { alpha: 8, beta: 2 };
    expect(shrunkRate({ kept: 1, of: 1 }, prior)).toBeCloseTo(9 / 11, 12);
    expect(shrunkRate({ kept: 1, of: 1 }, prior)).toBeLessThan(shrunkRate({ kept: 95, of: 100 }, prior));
  });
});
