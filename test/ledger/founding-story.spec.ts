/** The story that Troth began with, through commands and queries: promised, watched, kept, and rewarded with trust. */
import { beforeAll, describe, expect, it } from "vitest";
import { dayMs } from "../../src/domain/values.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";

const firstVisit = Date.parse("2025-01-10T10:00:00.000Z");
const visitAt = (number: number) => new Date(firstVisit + (number - 1) * 14 * dayMs).toISOString();

describe("a year of visits without selling", () => {
  let ledger: TestLedger;
  let ids: Record<"account" | "rep" | "buyer" | "visits" | "abstention", string>;

  beforeAll(async () => {
    ledger = testLedger("2026-06-01T00:00:00.000Z");
    const account = (
      await ledger.run("open-account", { name: "Harbour Freight Lines", timeZone: "UTC", at: "2025-01-01T00:00:00.000Z" })
    ).id;
    const rep = (await ledger.run("add-person", { name: "R. Novak", team: "north", at: "2025-01-01T00:00:00.000Z" })).id;
    const buyer = (await ledger.run("add-person", { name: "M. Lindqvist", account, at: "2025-01-01T00:00:00.000Z" })).id;
    const recording = (await ledger.run("start-recording", { source: "story" })).id;
    const made = await ledger.run("make-agreement", {
      account,
      at: "2025-01-09T15:00:00.000Z",
      promises: [
        {
          promisor: rep,
          promisee: buyer,
          kind: "visit",
          text: "I will stop by every two weeks, for an hour, without a briefcase.",
          terms: {
            type: "recurring",
            rrule: "FREQ=WEEKLY;INTERVAL=2",
            from: "2025-01-10",
            until: "2025-12-31",
            graceMinutes: 2880,
          },
          matcher: { kinds: ["visit"], minMinutes: 60, tagsWithout: ["sales-material"] },
          recording,
        },
        {
          promisor: rep,
          promisee: buyer,
          kind: "abstention",
          terms: { type: "abstain", from: "2025-01-10T00:00:00.000Z", until: "2026-01-10T00:00:00.000Z" },
          matcher: { purposes: ["sales"] },
          recording,
        },
      ],
    });
    const [visits, abstention] = made.ids!["promises"]! as [string, string];
    ids = { account, rep, buyer, visits, abstention };
    for (let number = 1; number <= 26; number += 1) {
      const startedAt = number === 13 ? new Date(Date.parse(visitAt(13)) + dayMs).toISOString() : visitAt(number);
      await ledger.run("record-interaction", {
        account,
        kind: "visit",
        purpose: "relationship",
        direction: "outbound",
        startedAt,
        minutes: 60,
        participants: [rep, buyer],
        note: `visit ${number}`,
      });
    }
    await ledger.run("complete-recording", { upTo: "2026-03-01T00:00:00.000Z" }, { recording });
    await ledger.run("record-outcome", {
      account,
      kind: "renewed",
      amount: { value: "1200000.00", currency: "EUR" },
      at: "2026-01-16T14:00:00.000Z",
    });
    await ledger.host.caughtUp(ledger.store.log.head());
  });

  it("shows every visit kept, one of them late, and the abstention kept", async () => {
    const visits = await ledger.ask<{ state: string; counts: object }>("get-promise", { promise: ids.visits });
    expect(visits).toMatchObject({ state: "concluded", counts: { kept: 25, "kept-late": 1 } });
    expect(await ledger.ask("get-promise", { promise: ids.abstention })).toMatchObject({ state: "kept" });
  });

  it("opens the promise's words for a key that may see them", async () => {
    expect(await ledger.ask("get-promise", { promise: ids.visits })).toMatchObject({
      personal: { text: { status: "opened", value: expect.stringContaining("without a briefcase") as string } },
    });
  });

  it("shows trust that grew with every visit, each step explained", async () => {
    type Timeline = {
      score: number;
      outcomes: number;
      timeline: { score: number; change: { total: number; decay: number; event: number; prior: number } }[];
    };
    const trust = await ledger.ask<Timeline>("account-trust", { account: ids.account });
    expect(trust.outcomes).toBe(27);
    expect(trust.timeline[0]!.score).toBeCloseTo(2 / 3, 9);
    expect(trust.timeline).toHaveLength(28);
    for (const { change } of trust.timeline) expect(change.decay + change.event + change.prior).toBeCloseTo(change.total, 9);
    expect(trust.score).toBeGreaterThan(0.9);
  });

  it("gives the keeping rate with its interval", async () => {
    const report = await ledger.ask<{
      groups: { group: string; keeping: { counts: object; lateAsKept: { kept: number; of: number } } }[];
    }>("keeping-rates", {}, { by: "team" });
    expect(report.groups).toHaveLength(1);
    expect(report.groups[0]).toMatchObject({
      group: "north",
      keeping: { counts: { kept: 26, keptLate: 1, broken: 0 }, lateAsKept: { kept: 27, of: 27 } },
    });
  });

  it("knows that the account has gone quiet since", async () => {
    expect(await ledger.ask("account-dormancy", { account: ids.account })).toMatchObject({
      state: "dormant",
      decidedBy: "rhythm",
    });
    expect(await ledger.ask("dormancy-report", {}, { state: "dormant" })).toMatchObject({
      items: [{ account: ids.account, state: "dormant" }],
    });
  });

  it("puts each verdict on record once, with its evidence and its basis", async () => {
    const added = await ledger.keeper.settle();
    expect(added).toBe(26 + 1 + 2);
    expect(await ledger.keeper.settle()).toBe(0);
    const verdicts = ledger.eventsOf(`promise-${ids.visits}`).filter(({ type }) => type === "PromiseKept");
    expect(verdicts).toHaveLength(26);
    expect(verdicts[0]).toMatchObject({
      occurredAt: visitAt(1),
      data: { occurrence: 1, verdict: "kept", credit: 1, reason: "evidence", basis: { rule: 1, policy: 0 } },
    });
    expect(await ledger.ask("get-promise", { promise: ids.visits })).toMatchObject({ state: "concluded" });
  });

  it("holds nothing personal in any leaf", () => {
    const leaves = ledger.store.log.readAll(0, 1_000).map(({ leaf }) => Buffer.from(leaf).toString());
    for (const text of ["Harbour", "Novak", "Lindqvist", "briefcase", "visit 7"])
      expect(leaves.filter((leaf) => leaf.includes(text))).toEqual([]);
  });
});
