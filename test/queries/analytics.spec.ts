/** A small portfolio whose every figure can be worked out by hand. */
import { beforeAll, describe, expect, it } from "vitest";
import { wilsonInterval } from "../../src/domain/keeping.ts";
import { latenessCredit } from "../../src/domain/lateness.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";

const [harbour, mill, quarry] = ["acc_000000000000000h", "acc_000000000000000m", "acc_000000000000000q"];
/** Of ours; the second moved from north to south in March. */
const [ada, ben] = ["per_000000000000000a", "per_000000000000000b"];

let ledger: TestLedger;
const at = (day: string) => `2026-${day}T00:00:00.000Z`;
const on = (day: string) => ledger.setNow(at(day));

const promise = (id: string, account: string, promisor: string, kind: string, due: string) =>
  ledger.run("make-promise", {
    ...{ id: `prm_000000000000000${id}`, account, promisor, promisee: account, kind },
    terms: { type: "once", dueAt: at(due) },
  });
const kept = (id: string, day: string) =>
  ledger.run("claim-keeping", { keptAt: at(day) }, { promise: `prm_000000000000000${id}` });
const met = (account: string, day: string, purpose: string, minutes: number, participants: string[]) =>
  ledger.run("record-interaction", {
    ...{ account, kind: "visit", purpose, direction: "outbound", startedAt: at(day), minutes, participants },
  });
const outcome = (account: string, kind: string) => ledger.run("record-outcome", { account, kind });

beforeAll(async () => {
  ledger = testLedger(at("01-01"));
  await ledger.run("adopt-policy", { balance: { sellingShareMax: 0.25 } });
  for (const id of [harbour, mill, quarry]) await ledger.run("open-account", { id });
  for (const id of [ada, ben]) await ledger.run("add-person", { id, team: "north" });
  on("01-10");
  await promise("1", harbour, ada, "call", "01-20");
  await promise("2", harbour, ada, "report", "02-20");
  await met(harbour, "01-10", "relationship", 60, [ada]);
  await met(harbour, "01-09", "sales", 60, [ada]);
  on("01-20");
  await kept("1", "01-20");
  on("02-10");
  await promise("3", mill, ben, "visit", "02-20");
  on("02-15");
  await met(mill, "02-15", "sales", 30, [ben]);
  on("02-22");
  await kept("2", "02-22");
  on("03-01");
  await outcome(harbour, "renewed");
  await outcome(mill, "churned");
  await ledger.run("move-person", { team: "south" }, { person: ben });
  on("04-10");
  await promise("4", mill, ben, "call", "04-20");
  await promise("5", mill, ben, "call", "06-30");
  await met(mill, "04-10", "relationship", 30, [ada, ben]);
  on("04-20");
  await kept("4", "04-20");
  on("05-01");
  await outcome(quarry, "churned");
  // The fifth is past its deadline, and may still be recorded as kept.
  ledger.setNow("2026-06-30T12:00:00.000Z");
});

const dayMs = 86_400_000;
const daysTo = (day: string, now = Date.parse("2026-06-30T12:00:00.000Z")) => (now - Date.parse(at(day))) / dayMs;
const left = (days: number) => 2 ** (-days / 365);
const twoDaysLate = latenessCredit(2 * dayMs);
const proportion = (k: number, of: number) => ({
  kept: k,
  of,
  rate: expect.closeTo(k / of, 11) as number,
  interval: expect.anything() as object,
});

describe("keeping rates", () => {
  const groups = async (query: object) =>
    (
      await ledger.ask<{ groups: { group: string; and: string; keeping: { lateAsKept: object | null; pending: number } }[] }>(
        "keeping-rates",
        {},
        query,
      )
    ).groups.map(({ group, and, keeping: { lateAsKept, pending } }) => {
      const { kept = 0, of = 0 } = (lateAsKept ?? {}) as { kept?: number; of?: number };
      return `${group} ${and}: ${kept}/${of}${pending === 0 ? "" : ` and ${pending}`}`;
    });

  it("stand by quarter and by year", async () => {
    expect((await groups({ by: "quarter" })).sort()).toEqual(["2026-Q1 null: 2/3", "2026-Q2 null: 1/1 and 1"]);
    expect(await groups({ by: "year" })).toEqual(["2026 null: 3/4 and 1"]);
  });

  it("stand by two things at once", async () => {
    expect((await groups({ by: "promisor", and: "quarter" })).sort()).toEqual([
      `${ada} 2026-Q1: 2/2`,
      `${ben} 2026-Q1: 0/1`,
      `${ben} 2026-Q2: 1/1 and 1`,
    ]);
    expect((await groups({ by: "kind", and: "team" })).sort()).toEqual([
      "call north: 1/1",
      "call south: 1/1 and 1",
      "report north: 1/1",
      "visit north: 0/1",
    ]);
  });
});

type Item = {
  group: string;
  rank: number;
  score: number;
  band: { low: number; high: number };
  outcomes: number;
  pending: number;
};
const trust = (query: object = {}) =>
  ledger.ask<{ groups: number; items: Item[]; next: string | null }>("trust-report", {}, query);

/** Weights for and against, to a score on a prior of one half. */
const scoreOf = (r: number, s: number) => (1 + r) / (2 + r + s);

describe("trust", () => {
  it("by account is that of each account, the highest first", async () => {
    const { groups, items } = await trust();
    expect(groups).toBe(2);
    const of = {
      harbour: scoreOf(left(daysTo("01-20")) + twoDaysLate * left(daysTo("02-22")), (1 - twoDaysLate) * left(daysTo("02-22"))),
      mill: scoreOf(left(daysTo("04-20")), left(daysTo("02-20"))),
    };
    expect(items).toMatchObject([
      { group: harbour, rank: 1, score: expect.closeTo(of.harbour, 11) as number, outcomes: 2, pending: 0 },
      { group: mill, rank: 2, score: expect.closeTo(of.mill, 11) as number, outcomes: 2, pending: 1 },
    ]);
    for (const { group, score, band } of items) {
      const account = await ledger.ask<Item>("account-trust", { account: group });
      expect({ score, band }).toEqual({ score: account.score, band: account.band });
    }
  });

  it("by promisor and by team counts to whoever was promisor, and to the team of then", async () => {
    expect((await trust({ by: "promisor" })).items.map(({ group, outcomes }) => [group, outcomes])).toEqual([
      [ada, 2],
      [ben, 2],
    ]);
    const { items } = await trust({ by: "team", first: "lowest" });
    expect(items.map(({ group, rank, outcomes, pending }) => [group, rank, outcomes, pending])).toEqual([
      ["north", 2, 3, 0],
      ["south", 1, 1, 1],
    ]);
  });

  it("comes in pages, and nothing else is a page of it", async () => {
    const first = await trust({ limit: 1 });
    const second = await trust({ limit: 1, after: first.next! });
    expect([first, second].map(({ items }) => items.map(({ rank }) => rank))).toEqual([[1], [2]]);
    expect(second.next).toBeNull();
    const forged = Buffer.from(JSON.stringify(["x"])).toString("base64url");
    await expect(trust({ after: forged })).rejects.toThrow("is not the `next`");
  });

  it("is as it was on a past day", async () => {
    const { items } = await trust({ asOf: at("03-01") });
    expect(items[1]).toMatchObject({ group: mill, score: expect.closeTo(scoreOf(0, left(9)), 11) as number, outcomes: 1 });
  });
});

it("renewals stand against the trust just before each, with a warning", async () => {
  const answer = await ledger.ask<{
    bands: { from: number; favourable: number; unfavourable: number; rate: unknown }[];
    warning: string;
  }>("renewals-report");
  const some = answer.bands.filter(({ favourable, unfavourable }) => favourable + unfavourable > 0);
  // Harbour stood at 0.74, mill at 0.34; quarry had been promised nothing.
  expect(some).toEqual([
    { from: 0, to: 0.5, favourable: 0, unfavourable: 1, rate: proportion(0, 1) },
    { from: 0.7, to: 0.8, favourable: 1, unfavourable: 0, rate: proportion(1, 1) },
  ]);
  expect(answer).toMatchObject({
    withoutPromises: { favourable: 0, unfavourable: 1 },
    total: {
      favourable: 1,
      unfavourable: 2,
      rate: { interval: { low: expect.closeTo(wilsonInterval(1, 3)!.low, 9) as number } },
    },
  });
  expect(answer.warning).toContain("not what caused what");
  expect(await ledger.ask("renewals-report", {}, { of: "deals" })).toMatchObject({
    total: { favourable: 0, unfavourable: 0, rate: null },
  });
  expect(await ledger.ask("renewals-report", {}, { from: at("04-01") })).toMatchObject({ total: { unfavourable: 1 } });
});

it("cohorts are told by age", async () => {
  const { cohorts } = await ledger.ask<{ cohorts: object[] }>("cohorts-report", {}, { by: "month" });
  const outcomes = { won: 0, lost: 0, renewed: 0, churned: 0 };
  const states = { new: 1, active: 0, cooling: 0, dormant: 0, closed: 0 };
  const [harbourTrust, millTrust] = (await trust()).items.map(({ score }) => score);
  expect(cohorts).toEqual([
    {
      ...{ cohort: "2026-01", accounts: 1, meanTrust: expect.closeTo(harbourTrust!, 11) as number, states },
      ages: [
        { age: 0, keeping: proportion(1, 1), meanCredit: 1, outcomes },
        { age: 1, keeping: proportion(1, 1), meanCredit: expect.closeTo(twoDaysLate, 11) as number, outcomes },
        { age: 2, keeping: null, meanCredit: null, outcomes: { ...outcomes, renewed: 1 } },
      ],
    },
    {
      ...{ cohort: "2026-02", accounts: 1, meanTrust: expect.closeTo(millTrust!, 11) as number, states },
      ages: [
        { age: 0, keeping: proportion(0, 1), meanCredit: 0, outcomes },
        { age: 1, keeping: null, meanCredit: null, outcomes: { ...outcomes, churned: 1 } },
        { age: 2, keeping: proportion(1, 1), meanCredit: 1, outcomes },
      ],
    },
  ]);
  const quarters = await ledger.ask<{ cohorts: object[] }>("cohorts-report");
  expect(quarters.cohorts).toMatchObject([
    { cohort: "2026-Q1", accounts: 2, ages: [{ age: 0, keeping: proportion(2, 3) }, { age: 1 }] },
  ]);
});

describe("a scorecard", () => {
  it("of a team is what fell due while its people were in it", async () => {
    const north = await ledger.ask<{ people: { person: string; isHere: boolean; keeping: { counts: object } }[] }>(
      "team-scorecard",
      { team: "north" },
    );
    expect(north).toMatchObject({
      keeping: { counts: { kept: 1, keptLate: 1, partlyKept: 0, broken: 1 }, pending: 0 },
      coaching: {
        kinds: [
          { kind: "visit", of: 1, late: 0, medianLatenessMinutes: null, missed: 1, missedShare: 1 },
          { kind: "report", of: 1, late: 1, medianLatenessMinutes: 2_880, missed: 0, missedShare: 0 },
          { kind: "call", of: 1, late: 0, missed: 0 },
        ],
        pending: [],
      },
    });
    expect(north.people.map(({ person, isHere, keeping: { counts } }) => [person, isHere, counts])).toEqual([
      [ada, true, { kept: 1, keptLate: 1, partlyKept: 0, broken: 0 }],
      [ben, false, { kept: 0, keptLate: 0, partlyKept: 0, broken: 1 }],
    ]);
    expect(await ledger.ask("team-scorecard", { team: "south" })).toMatchObject({
      keeping: { counts: { kept: 1, broken: 0 }, pending: 1 },
      coaching: { pending: [{ promise: "prm_0000000000000005", promisor: ben, account: mill, dueAt: at("06-30") }] },
    });
    await expect(ledger.ask("team-scorecard", { team: "nobody" })).rejects.toMatchObject({ code: "team-not-found" });
  });

  it("of a person says what it misses and what hangs over it", async () => {
    expect(await ledger.ask("scorecard", { person: ben })).toMatchObject({
      coaching: {
        kinds: [
          { kind: "visit", missed: 1 },
          { kind: "call", of: 1 },
        ],
        pending: [{ promise: "prm_0000000000000005" }],
      },
      time: { minutes: 60, sellingMinutes: 30, minutesOverPlan: 15 },
    });
  });
});

describe("the balance of contact time", () => {
  const groups = async (query: object) =>
    (
      await ledger.ask<{ groups: { group: string; minutes: number; sellingMinutes: number; minutesOverPlan: number }[] }>(
        "balance",
        {},
        query,
      )
    ).groups.map(({ group, minutes, sellingMinutes, minutesOverPlan }) => [group, minutes, sellingMinutes, minutesOverPlan]);

  it("stands against the plan as a whole, by account, person, team and month", async () => {
    expect(await ledger.ask("balance")).toMatchObject({
      minutes: 180,
      sellingMinutes: 90,
      sellingShare: 0.5,
      minutesOverPlan: 45,
      groups: [],
    });
    expect(await groups({ by: "account" })).toEqual([
      [harbour, 120, 60, 30],
      [mill, 60, 30, 15],
    ]);
    expect(await groups({ by: "person" })).toEqual([
      [ada, 150, 60, 22.5],
      [ben, 60, 30, 15],
    ]);
    expect(await groups({ by: "team" })).toEqual([
      ["north", 180, 90, 45],
      ["south", 30, 0, 0],
    ]);
    expect(await groups({ by: "month", account: mill })).toEqual([
      ["2026-02", 30, 30, 22.5],
      ["2026-04", 30, 0, 0],
    ]);
  });

  it("comes in pages", async () => {
    const { next } = await ledger.ask<{ next: string }>("balance", {}, { by: "account", limit: 1 });
    expect(await groups({ by: "account", limit: 1, after: next })).toEqual([[mill, 60, 30, 15]]);
  });
});
