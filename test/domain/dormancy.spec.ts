import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type AliveFamily,
  aliveLogLikelihood,
  type AliveModel,
  aliveProbability,
  type ContactHistory,
  dormancyDefaults,
  type DormancyInput,
  type DormancyPolicy,
  dormancyState,
  fitAliveModel,
  gapsBetween,
  historyTable,
  occasionsOf,
  ownRhythm,
  regularity,
  silenceUntilAlive,
  stateAt,
  weekMs,
} from "../../src/domain/dormancy.ts";
import { addMs, dayMs, hourMs, type Instant } from "../../src/domain/values.ts";
import { csvRecords, samples } from "../support/samples.ts";

const folder = samples();
const start = "2024-01-08T09:00:00.000Z" as Instant;
const day = (days: number) => addMs(start, days * dayMs);
const bg: AliveModel = { family: "bg-nbd", r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };
const mbg: AliveModel = { family: "mbg-nbd", r: 0.525, alpha: 6.183, a: 0.891, b: 1.614 };

describe("the own rhythm", () => {
  const daysApart = (...gaps: number[]) => gaps.reduce((days, gap) => [...days, days.at(-1)! + gap * dayMs], [0]);
  const rhythm = (gaps: number[], silenceDays: number, policy: Partial<DormancyPolicy> = {}) =>
    ownRhythm(daysApart(...gaps), silenceDays * dayMs, { ...dormancyDefaults, ...policy })!;

  it("measures the silence by the median gap", () => {
    expect(rhythm([10, 30, 20], 50)).toMatchObject({ medianGapMs: 20 * dayMs, silenceRatio: 2.5, silencePercentile: 1 });
    expect(rhythm([10, 20], 30).medianGapMs).toBe(15 * dayMs);
  });

  it("places the silence among the gaps", () => {
    const gaps = [50, 10, 40, 20, 30];
    const percentiles = [5, 10, 15, 20, 45, 50, 60].map((silence) => rhythm(gaps, silence).silencePercentile);
    expect(percentiles).toEqual([0, 0, 0.125, 0.25, 0.875, 1, 1]);
  });

  it("turns at the 80th and the 95th percentile", () => {
    const { coolingAfterMs, dormantAfterMs } = rhythm([10, 20, 30, 40, 50], 0);
    expect(coolingAfterMs / dayMs).toBeCloseTo(42, 9);
    expect(dormantAfterMs / dayMs).toBeCloseTo(48, 9);
  });

  it("can be given a bound in medians, since clockwork has no long gaps of its own", () => {
    expect(rhythm([14, 14, 14], 0)).toMatchObject({ coolingAfterMs: 14 * dayMs, dormantAfterMs: 14 * dayMs });
    const bounded = rhythm([14, 14, 14], 0, { coolingMediansMin: 1.5, dormantMediansMin: 2 });
    expect(bounded).toMatchObject({ coolingAfterMs: 21 * dayMs, dormantAfterMs: 28 * dayMs });
  });

  it("has its thresholds where its percentile says", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 3, maxLength: 30 }),
        fc.integer({ max: 600, min: 0 }),
        (gaps, silence) => {
          const { silencePercentile, coolingAfterMs, dormantAfterMs } = rhythm(gaps, silence);
          expect(silencePercentile >= 0.8 - 1e-9).toBe(silence * dayMs >= coolingAfterMs - 1e-3);
          expect(silencePercentile >= 0.95 - 1e-9).toBe(silence * dayMs >= dormantAfterMs - 1e-3);
        },
      ),
    ));

  it("counts contacts that belong together once", () => {
    const contacts = [0, 2, 11, 30, 30, 50].map((hours) => hours * hourMs);
    expect(occasionsOf(contacts, 12 * hourMs)).toEqual([0, 30 * hourMs, 50 * hourMs]);
    expect(occasionsOf(contacts, 0)).toHaveLength(5);
    expect(ownRhythm([0], 5, dormancyDefaults)).toBeNull();
  });
});

describe("regularity", () => {
  it("is Infinity for clockwork, and 0 for the burstiest", () => {
    expect(regularity([[14, 14, 14, 14]])?.k).toBe(Infinity);
    expect(regularity([[1e-9, 1, 1, 1e-9]])?.k).toBe(0);
  });

  it("is 1 where gaps are exponential and 2 where they are gamma of shape 2", () => {
    // M is uniform for k = 1; for k = 2 it is Beta(2, 2), whose distribution function is 3x² − 2x³.
    const uniform = Array.from({ length: 2000 }, (_, i) => (i + 0.5) / 2000);
    expect(regularity(uniform.map((share) => [share, 1 - share]))?.k).toBeCloseTo(1, 2);
    const betaTwo = uniform.map((p) => 0.5 - Math.sin(Math.asin(1 - 2 * p) / 3));
    expect(regularity(betaTwo.map((share) => [share, 1 - share]))?.k).toBeCloseTo(2, 2);
  });

  it("takes disjoint pairs, whatever the account's rate", () => {
    expect(regularity([[1, 2, 30, 10, 7]])).toEqual(
      regularity([
        [10, 20],
        [3, 1],
      ]),
    );
    expect(regularity([[1, 2, 3, 4]])?.pairs).toBe(2);
    expect(regularity([[1, 2], [3]])).toBeNull();
  });
});

describe("P(alive)", () => {
  it.each([
    [0, 0, 38.86, 1, 0.389735],
    [1, 1.71, 38.86, 0.212101, 0.170836],
    [2, 30.43, 38.86, 0.726579, 0.706202],
    [26, 30.86, 31, 0.968916, 0.965566],
  ])("after %d repeats, the last at %d of %d weeks", (x, tx, T, inBg, inMbg) => {
    expect(Math.abs(aliveProbability(bg, { x, tx, T }) - inBg)).toBeLessThan(1e-6);
    expect(Math.abs(aliveProbability(mbg, { x, tx, T }) - inMbg)).toBeLessThan(1e-6);
  });

  const anyHistory = fc
    .tuple(
      fc.integer({ min: 0, max: 300 }),
      fc.double({ min: 0, max: 200, noNaN: true }),
      fc.double({ min: 0, max: 200, noNaN: true }),
    )
    .map(([x, tx, silence]): ContactHistory => ({ x, tx: x === 0 ? 0 : tx, T: (x === 0 ? 0 : tx) + silence }));

  it("lies within 0..1 and falls with silence", () =>
    fc.assert(
      fc.property(anyHistory, (history) => {
        const [now, later] = [aliveProbability(mbg, history), aliveProbability(mbg, { ...history, T: history.T + 1 })];
        expect(now).toBeLessThanOrEqual(1);
        expect(later).toBeGreaterThanOrEqual(0);
        expect(later).toBeLessThanOrEqual(now);
      }),
    ));

  it("falls to a threshold at the silence that is said", () =>
    fc.assert(
      fc.property(anyHistory, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (history, threshold) => {
        const silence = silenceUntilAlive(mbg, history, threshold);
        const reached = aliveProbability(mbg, { ...history, T: history.tx + silence });
        if (silence > 0) expect(reached).toBeCloseTo(threshold, 9);
        else expect(reached).toBeLessThanOrEqual(threshold + 1e-12);
      }),
    ));

  it("never falls in BG/NBD for an account contacted once", () =>
    expect(silenceUntilAlive(bg, { x: 0, tx: 0 }, 0.5)).toBe(Infinity));
});

describe("the log likelihood", () => {
  it("of an account contacted once has a closed form", () => {
    const table = historyTable([{ x: 0, tx: 0, T: 30 }]);
    const still = (model: AliveModel) => (model.alpha / (model.alpha + 30)) ** model.r;
    expect(aliveLogLikelihood(bg, table)).toBeCloseTo(Math.log(still(bg)), 10);
    const { a, b } = mbg;
    expect(aliveLogLikelihood(mbg, table)).toBeCloseTo(Math.log((b * still(mbg) + a) / (a + b)), 10);
  });

  it("counts equal histories", () => {
    const history = { x: 2, tx: 10, T: 30 };
    const table = historyTable([history, { ...history }, { x: 2, tx: 11, T: 30 }]);
    expect([...table.count]).toEqual([2, 1]);
    const one = (of: ContactHistory) => aliveLogLikelihood(mbg, historyTable([of]));
    expect(aliveLogLikelihood(mbg, table)).toBeCloseTo(2 * one(history) + one({ x: 2, tx: 11, T: 30 }), 9);
  });

  it("can't be fitted to few accounts, nor where none was contacted again", () => {
    const once = (count: number) => Array.from({ length: count }, (_, i): ContactHistory => ({ x: i % 3, tx: i % 3, T: 10 }));
    expect(fitAliveModel("mbg-nbd", once(99))).toBeNull();
    expect(fitAliveModel("mbg-nbd", once(99), 50)).not.toBeNull();
    expect(
      fitAliveModel(
        "mbg-nbd",
        Array.from({ length: 200 }, () => ({ x: 0, tx: 0, T: 10 })),
      ),
    ).toBeNull();
  });

  it("is fitted even at the edge of the parameters, where all accounts are alike and none is lost", () => {
    const alike = Array.from({ length: 200 }, (_, i): ContactHistory => ({ x: 10 + (i % 2), tx: 20 + (i % 2), T: 22 }));
    const model = fitAliveModel("mbg-nbd", alike)!;
    expect(model.r / model.alpha).toBeCloseTo(10.5 / 22, 2);
    expect(aliveProbability(model, alike[0]!)).toBeGreaterThan(0.99);
  });
});

/** Histories in weeks from the transactions themselves, one purchase a day, calibrated to 1997-09-30. */
function transactionHistories(text: string): ContactHistory[] {
  const dayOf = (date: string) => Date.parse(`${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}`) / dayMs;
  const rows = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.trim().split(/\s+/));
  const daysByCustomer = Map.groupBy(rows, ([, customer]) => customer);
  return [...daysByCustomer.values()].map((purchases) => {
    const days = [...new Set(purchases.map(([, , date]) => dayOf(date!)))].filter((purchased) => purchased <= dayOf("19970930"));
    const [first, last] = [Math.min(...days), Math.max(...days)];
    return { x: days.length - 1, tx: (last - first) / 7, T: (dayOf("19970930") - first) / 7 };
  });
}

describe.skipIf(folder === undefined)("fitted to the CDNOW sample", () => {
  const weeks = () =>
    csvRecords(folder!, "cdnow", "cdnow_customers_summary.csv").map(({ frequency, recency, T }): ContactHistory => ({
      x: Number(frequency),
      tx: Number(recency),
      T: Number(T),
    }));
  const exactDays = () => transactionHistories(readFileSync(join(folder!, "cdnow", "CDNOW_sample.txt"), "utf8"));

  const cases: [string, AliveFamily, () => ContactHistory[], number[], number][] = [
    ["BG/NBD", "bg-nbd", weeks, [0.243, 4.414, 0.793, 2.426], -9582.4],
    ["BG/NBD, exact days", "bg-nbd", exactDays, [0.2425945, 4.4136, 0.79292, 2.4259], -9582.429],
    ["MBG/NBD", "mbg-nbd", weeks, [0.525, 6.183, 0.891, 1.614], -9582.1327],
  ];

  it.each(cases)("%s gives the published parameters", (name, family, histories, expected, logLikelihood) => {
    const input = histories();
    const model = fitAliveModel(family, input)!;
    for (const [i, parameter] of [model.r, model.alpha, model.a, model.b].entries()) {
      expect(Math.abs(parameter - expected[i]!), `parameter ${i}`).toBeLessThan(1e-3);
    }
    // The first figure is published to one decimal alone.
    expect(Math.abs(model.logLikelihood - logLikelihood)).toBeLessThan(name === "BG/NBD" ? 0.05 : 0.01);
    expect(model.accounts).toBe(2357);
  });
});

describe("the state of an account", () => {
  const fortnightly = Array.from({ length: 10 }, (_, i) => day(14 * i));
  const uneven = [0, 10, 40, 60, 110, 150].map(day); // gaps of 10, 30, 20, 50 and 40 days
  const input = (more: Partial<DormancyInput>): DormancyInput => ({
    contacts: uneven,
    at: day(155),
    overdueFrom: null,
    model: null,
    regularity: null,
    ...more,
  });
  const state = (more: Partial<DormancyInput>, policy: Partial<DormancyPolicy> = {}) =>
    dormancyState(input(more), { ...dormancyDefaults, ...policy });

  it("is new with too little history, however long the silence and whatever the answers", () => {
    const three = uneven.slice(0, 3);
    expect(state({ contacts: three, at: day(5000), overdueFrom: day(50), model: mbg })).toMatchObject({
      state: "new",
      decidedBy: "history",
      since: day(0),
      contacts: 3,
      lastContactAt: day(40),
      coolingAt: null,
      dormantAt: null,
      answers: { cadence: { overdue: true }, rhythm: null, alive: { state: "dormant" } },
    });
    expect(state({ contacts: [] })).toMatchObject({
      state: "new",
      since: null,
      lastContactAt: null,
      silenceMs: null,
      contacts: 0,
    });
  });

  it("is new after four contacts that were one occasion", () => {
    const afternoon = [0, 1, 2, 3].map((hours) => addMs(start, hours * hourMs));
    expect(state({ contacts: afternoon, at: day(300) })).toMatchObject({ state: "new", contacts: 1 });
  });

  it("goes by the own rhythm where there is nothing else", () => {
    expect(state({ at: day(155) })).toMatchObject({
      state: "active",
      decidedBy: "rhythm",
      since: day(150),
      coolingAt: day(192),
      dormantAt: day(198),
    });
    expect(state({ at: day(192) })).toMatchObject({ state: "cooling", since: day(192) });
    expect(state({ at: addMs(day(192), -1) }).state).toBe("active");
    expect(state({ at: day(198) })).toMatchObject({ state: "dormant", since: day(198) });
  });

  it("counts silence from the last contact, in whatever order contacts come, and none from the future", () => {
    expect(state({ contacts: uneven.toReversed(), at: day(198) })).toEqual(state({ at: day(198) }));
    expect(state({ contacts: [...uneven, day(200)], at: day(198) })).toEqual(state({ at: day(198) }));
    expect(state({ contacts: [...uneven, day(197)], at: day(198) }).state).toBe("active");
  });

  it("goes by a promised cadence first: cooling once overdue, dormant a month later", () => {
    const promised = { overdueFrom: day(160), model: mbg };
    expect(state({ ...promised, at: day(155) })).toMatchObject({ state: "active", decidedBy: "cadence", dormantAt: day(190) });
    expect(state({ ...promised, at: day(160) })).toMatchObject({
      state: "cooling",
      since: day(160),
      answers: { cadence: { overdue: true } },
    });
    expect(state({ ...promised, at: day(190) })).toMatchObject({ state: "dormant", since: day(190) });
  });

  it("goes by P(alive) before the rhythm where contacts are irregular", () => {
    const decided = state({ model: mbg, regularity: 1, at: day(198) });
    expect(decided).toMatchObject({ state: "active", decidedBy: "alive", answers: { rhythm: { state: "dormant" } } });
    const history = { x: 5, tx: 150 / 7, T: 198 / 7 };
    expect(decided.answers.alive!.history).toEqual(history);
    expect(decided.answers.alive!.probability).toBe(aliveProbability(mbg, history));
    expect(Date.parse(decided.dormantAt!) - Date.parse(day(150))).toBeCloseTo(silenceUntilAlive(mbg, history, 0.2) * weekMs, -1);
  });

  it("lets the own rhythm lead where contacts are regular", () => {
    const k = regularity([gapsBetween(fortnightly.map((at) => Date.parse(at)))])!.k;
    const bounds = { coolingMediansMin: 1.5, dormantMediansMin: 2 };
    const regular = { contacts: fortnightly, model: mbg, regularity: k, at: day(9 * 14 + 22) };
    expect(state(regular, bounds)).toMatchObject({
      state: "cooling",
      decidedBy: "rhythm",
      answers: { alive: { state: "active" } },
    });
    expect(state({ ...regular, overdueFrom: day(500) }, bounds).decidedBy).toBe("cadence");
  });

  it("follows the policy's order, and falls back on the rhythm", () => {
    const all = { overdueFrom: day(160), model: mbg };
    expect(state(all, { order: ["alive", "cadence"] }).decidedBy).toBe("alive");
    expect(state(all, { order: ["rhythm"] }).decidedBy).toBe("rhythm");
    expect(state({}, { order: ["cadence", "alive"] }).decidedBy).toBe("rhythm");
  });

  it("has no threshold past the year 9999", () => {
    const neverGone: AliveModel = { ...mbg, a: 1e-300 };
    expect(state({ model: neverGone })).toMatchObject({ state: "active", coolingAt: null, dormantAt: null });
  });

  const anyInput = fc.record({
    contacts: fc.array(fc.integer({ min: 0, max: 700 }).map(day), { maxLength: 12 }),
    overdueFrom: fc.option(fc.integer({ min: 700, max: 900 }).map(day)),
    model: fc.option(fc.constantFrom(mbg, bg)),
    regularity: fc.option(fc.double({ min: 0, max: 5, noNaN: true })),
  });

  it("is what the stored thresholds say, at any later instant", () =>
    fc.assert(
      fc.property(anyInput, fc.integer({ min: 700, max: 3000 }), (any, days) => {
        const [stored, later] = [state({ ...any, at: day(700) }), state({ ...any, at: day(days) })];
        expect([later.coolingAt, later.dormantAt, later.decidedBy]).toEqual([
          stored.coolingAt,
          stored.dormantAt,
          stored.decidedBy,
        ]);
        if (stored.state === "new") expect(later.state).toBe("new");
        else expect(later.state).toBe(stateAt(stored, day(days)));
      }),
    ));

  it("never wakes by silence alone", () =>
    fc.assert(
      fc.property(anyInput, fc.integer({ min: 700, max: 2000 }), fc.nat(1000), (any, days, more) => {
        const rank = { new: 0, active: 1, cooling: 2, dormant: 3 };
        expect(rank[state({ ...any, at: day(days + more) }).state]).toBeGreaterThanOrEqual(
          rank[state({ ...any, at: day(days) }).state],
        );
      }),
    ));
});
