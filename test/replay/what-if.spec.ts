/** What would hold under another policy: nothing under the same one, and under another exactly what the ledger says once it is adopted. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Log } from "../../src/event-store/log.ts";
import { decode } from "../../src/ledger/envelope.ts";
import type { OccurrenceRow } from "../../src/projections/occurrences.ts";
import type { Difference } from "../../src/replay/what-if.ts";
import { standingOf } from "../../src/replay/what-if-verdicts.ts";
import { listedState } from "../../src/queries/accounts.ts";
import { type TestLedger, testLedger } from "../support/ledger.ts";
import { play, steps } from "../support/portfolio.ts";
import { asked } from "./support/asked.ts";

const day = (number: number, hour = 9) =>
  `2026-03-${String(number).padStart(2, "0")}T${String(hour).padStart(2, "0")}:00:00.000Z`;

/** A visit that was due on the 5th and never came, and one due on the 2nd that was written down on the 16th. It is the 5th, 15:00, at first. */
async function visits() {
  const ledger = testLedger("2026-03-01T08:00:00.000Z");
  const { id: account } = await ledger.run("open-account", {});
  const { id: rep } = await ledger.run("add-person", { team: "north" });
  const promise = async (dueAt: string) => {
    const terms = { type: "once", dueAt };
    const matcher = { kinds: ["visit"] };
    return (await ledger.run("make-promise", { account, promisor: rep, promisee: account, terms, matcher })).id;
  };
  const missed = await promise(day(5, 12));
  return { ledger, account, rep, missed, promise };
}

describe("a stricter allowance", () => {
  it("turns what is still waiting into broken, and says which rule does it", async () => {
    const { ledger, account, rep, missed } = await visits();
    ledger.setNow(day(5, 15));
    const { summary, of } = await asked(ledger, { policy: { promises: { recordingAllowanceMinutes: 60 } } });
    expect(of("verdict")).toEqual([
      {
        kind: "verdict",
        ...{ account, promise: missed, occurrence: 1, promisor: rep },
        before: { standing: "pending", at: null, credit: null, reason: null, deadlineAt: day(5, 12), settlesAt: day(6, 12) },
        after: {
          standing: "broken",
          at: day(5, 12),
          credit: 0,
          reason: "deadline",
          deadlineAt: day(5, 12),
          settlesAt: day(5, 13),
        },
        why: [{ rule: "recording-allowance", text: "the clock waits 60 min after deadline and grace instead of 1440 min" }],
      },
    ]);
    expect(of("trust")).toMatchObject([{ account, direction: "given", before: { outcomes: 0 }, after: { outcomes: 1 } }]);
    expect(of("trust")[0]!.change.verdicts).toBe(of("trust")[0]!.change.total);
    const groups = of("keeping").map(({ by, group, before, after }) => [by, group, before.pending, after.broken]);
    expect(groups).toEqual(
      expect.arrayContaining([
        ["all", null, 1, 1],
        ["promisor", rep, 1, 1],
        ["team", "north", 1, 1],
        ["account", account, 1, 1],
      ]),
    );
    expect(summary).toMatchObject({
      basis: { size: ledger.store.log.head(), policy: 0, asOf: day(5, 15) },
      accounts: 1,
      verdicts: { compared: 1, changed: 1, moves: [{ before: "pending", after: "broken", times: 1 }] },
      trust: { compared: 2, changed: 1, raised: 0, lowered: 1 },
      keeping: { all: { before: { rate: null }, after: { rate: 0 } } },
    });
  });
});

describe("a narrower limit on late evidence, a longer grace", () => {
  const lateVisit = async () => {
    const { ledger, account, rep, missed } = await visits();
    ledger.setNow(day(16));
    const visit = {
      account,
      kind: "visit",
      purpose: "relationship",
      direction: "outbound",
      startedAt: day(5, 14),
      participants: [rep],
    };
    await ledger.run("record-interaction", visit);
    return { ledger, missed };
  };

  it("takes a keeping back, and each rule is named for what it does alone", async () => {
    const { ledger, missed } = await lateVisit();
    const { of } = await asked(ledger, { policy: { promises: { recordingAllowanceMinutes: 60, evidenceLimitDays: 2 } } });
    expect(of("verdict")).toMatchObject([
      { promise: missed, before: { standing: "kept-late" }, after: { standing: "broken" }, why: [{ rule: "evidence-limit" }] },
    ]);
  });

  it("judges as if that grace had been promised", async () => {
    const { ledger } = await visits();
    ledger.setNow(day(7));
    const { of } = await asked(ledger, { policy: {}, graceMinutes: 3 * 1_440 });
    expect(of("verdict")).toMatchObject([
      {
        before: { standing: "broken", deadlineAt: day(5, 12) },
        after: { standing: "open", deadlineAt: day(8, 12) },
        why: [{ rule: "grace", text: "the grace is 4320 min instead of what was promised" }],
      },
    ]);
  });
});

describe("a slice", () => {
  it("looks at its accounts, its promisor and its time alone", async () => {
    const { ledger, account, rep } = await visits();
    const { id: other } = await ledger.run("open-account", { owner: rep });
    const { id: colleague } = await ledger.run("add-person", { team: "south" });
    for (const promisor of [rep, colleague])
      await ledger.run("make-promise", { account: other, promisor, promisee: other, terms: { type: "once", dueAt: day(4, 13) } });
    ledger.setNow(day(5, 12).replace("00:00.", "30:00."));
    const policy = { promises: { recordingAllowanceMinutes: 0 } };
    const changed = async (slice: object) => {
      const { summary, of } = await asked(ledger, { policy, slice });
      return [summary.accounts, of("verdict").map((one) => [one.account, one.promisor])];
    };
    expect(await changed({})).toEqual([
      2,
      expect.arrayContaining([
        [account, rep],
        [other, rep],
        [other, colleague],
      ]),
    ]);
    expect(await changed({ accounts: [account] })).toEqual([1, [[account, rep]]]);
    expect(await changed({ owner: rep })).toEqual([
      1,
      [
        [other, rep],
        [other, colleague],
      ],
    ]);
    expect(await changed({ team: "north", promisor: colleague })).toEqual([1, [[other, colleague]]]);
    expect(await changed({ promisor: rep, from: day(5) })).toEqual([2, [[account, rep]]]);
    expect(await changed({ until: day(5) })).toEqual([
      2,
      [
        [other, rep],
        [other, colleague],
      ],
    ]);
  });
});

const policies = fc.record({
  trust: fc.record({
    halfLifeDays: fc.constantFrom(30, 365),
    priorMean: fc.constantFrom(0.5, 0.7),
    interactionEvidenceWeight: fc.constantFrom(0, 0.1),
  }),
  rapport: fc.record({ halfLifeDays: fc.constantFrom(30, 90), weightByKind: fc.constantFrom({}, { visit: 3 }) }),
  promises: fc.record({
    recordingAllowanceMinutes: fc.constantFrom(0, 1_440, 400_000),
    evidenceLimitDays: fc.constantFrom(0, 30),
  }),
  dormancy: fc.record({
    contactCountMin: fc.constantFrom(2, 4),
    dormantMediansMin: fc.constantFrom(1, 3),
    coolingPercentile: fc.constantFrom(0.5, 0.8),
    kinds: fc.constantFrom(undefined, ["call" as never]),
  }),
});

/** What the ledger says, in the words of differences: by name, one value each. */
async function said(ledger: TestLedger): Promise<Map<string, unknown>> {
  const { ask, host, desk } = ledger;
  const asOf = desk.ledger.now();
  const found = new Map<string, unknown>();
  await host.caughtUp(ledger.store.log.head());
  for (const row of host.views.all<OccurrenceRow>(`SELECT * FROM occurrences`)) {
    const { standing, at, credit, reason } = standingOf(row, { asOf, knownAt: asOf });
    found.set(`verdict ${row.promise} ${row.occurrence}`, { standing, at, credit, reason });
  }
  for (const { id: account } of host.views.all<{ id: string }>(`SELECT id FROM accounts`)) {
    for (const direction of ["given", "received"]) {
      const { score, band, outcomes, rapport } = await ask("account-trust", { account }, { direction });
      found.set(`rapport ${account}`, rapport);
      // An account without any record has the prior and no score of its own.
      if ((outcomes as number) > 0) found.set(`trust ${account} ${direction}`, { score, band, outcomes });
    }
    const row = host.views.get<Parameters<typeof listedState>[0] & Record<string, unknown>>(
      `SELECT * FROM dormancy WHERE account = ?`,
      [account],
    )!;
    found.set(`dormancy ${account}`, [
      listedState(row, asOf),
      row["decided_by"],
      row["cooling_at"],
      row["dormant_at"],
      row["contacts"],
    ]);
  }
  for (const by of ["none", "promisor", "team", "kind", "account"]) {
    type Keeping = { counts: object; pending: number; lateAsKept: { rate: number } | null; meanCredit: number | null };
    type Group = { group: string | null; keeping: Keeping; ranking: unknown };
    const { groups } = await ask<{ groups: Group[] }>("keeping-rates", {}, { by });
    for (const { group, keeping, ranking } of groups) {
      const { counts, pending, lateAsKept, meanCredit } = keeping;
      const rate = lateAsKept?.rate ?? null;
      const rank = by === "account" ? null : ranking;
      found.set(`keeping ${by === "none" ? "all" : by} ${group}`, { ...counts, pending, rate, meanCredit, ranking: rank });
    }
  }
  return found;
}

function toldBy(one: Difference, side: "before" | "after"): [string, unknown] {
  switch (one.kind) {
    case "verdict": {
      const { deadlineAt: _, settlesAt: __, ...standing } = one[side];
      return [`verdict ${one.promise} ${one.occurrence}`, standing];
    }
    case "trust":
      return [`trust ${one.account} ${one.direction}`, one[side]];
    case "rapport":
      return [`rapport ${one.account}`, one[side]];
    case "dormancy": {
      const { state, decidedBy, coolingAt, dormantAt, contacts } = one[side];
      return [`dormancy ${one.account}`, [state, decidedBy, coolingAt, dormantAt, contacts]];
    }
    case "keeping": {
      const { excluded: _, ...keeping } = one[side];
      return [`keeping ${one.by} ${one.group}`, keeping];
    }
  }
}

describe("a policy", () => {
  it("that is in force changes nothing, and another changes what adopting it changes, to the digit", async () => {
    const changes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(steps, policies, async (story, policy) => {
        const ledger = testLedger();
        await play(ledger, story);
        const { policy: inForce } = await ledger.ask("current-policy");
        expect((await asked(ledger, { policy: inForce })).differences).toEqual([]);
        const before = await said(ledger);
        const { differences } = await asked(ledger, { policy });
        await ledger.run("adopt-policy", policy);
        const after = await said(ledger);
        const expected = new Map(before);
        for (const one of differences) {
          changes.set(one.kind, (changes.get(one.kind) ?? 0) + 1);
          const [name, was] = toldBy(one, "before");
          if (before.has(name)) expect(was, name).toEqual(before.get(name));
          expected.set(...toldBy(one, "after"));
        }
        for (const [name, value] of after) expect(expected.get(name), name).toEqual(value);
      }),
      { numRuns: 10 },
    );
    // Nothing is shown by differences that never come.
    for (const kind of ["verdict", "trust", "rapport", "dormancy", "keeping"]) expect(changes.get(kind), kind).toBeGreaterThan(0);
  });
});

describe("what was known at a size", () => {
  it("is answered as by a ledger that ends there, whatever came after", async () => {
    await fc.assert(
      fc.asyncProperty(steps, policies, fc.double({ min: 0.2, max: 1, noNaN: true }), async (story, policy, share) => {
        const ledger = testLedger();
        await play(ledger, story);
        const { log } = ledger.store;
        const size = Math.ceil(log.head() * share);
        const upTo: Log = {
          ...log,
          head: () => size,
          readAll: (after, count) => log.readAll(after, Math.min(count, size - after)),
        };
        const { recordedAt } = decode(log.readAll(size - 1, 1)[0]!)!;
        const then = await asked({ ...ledger, store: { ...ledger.store, log: upTo } }, { policy }, { now: recordedAt });
        const later = await asked(ledger, { policy }, { known: { size, knownAt: recordedAt } });
        expect(later.summary).toEqual(then.summary);
        expect(later.differences).toEqual(then.differences);
      }),
      { numRuns: 5 },
    );
  });
});
