/** The keeper puts on record what `assess` concludes: nothing else, nothing twice, and nothing that anybody reads back as a fact. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isHeld } from "../../src/domain/attesting.ts";
import { digestOf } from "../../src/domain/attestation.ts";
import { assess } from "../../src/domain/assess/assess.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import { policyInForce } from "../../src/projections/parameters.ts";
import { assessmentInputOf } from "../../src/projections/assessment-input.ts";
import { attestationsOf } from "../../src/projections/unattested.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";
import { dayAt, play, steps } from "../support/portfolio.ts";

const verdicts = ["PromiseKept", "PromiseBroken", "VerdictWithdrawn", "PromiseConditionLapsed", "PromiseConcluded"];
const verdictsOf = (ledger: TestLedger, promise: string) =>
  ledger.eventsOf(`promise-${promise}`).filter(({ type }) => verdicts.includes(type));

async function promised(ledger: TestLedger, more: object = {}): Promise<{ promise: string; account: string; rep: string }> {
  const { id: rep } = await ledger.run("add-person", { name: "Rep", at: dayAt(0) });
  const { id: account } = await ledger.run("open-account", { name: "Account", at: dayAt(0) });
  const body = {
    account,
    promisor: rep,
    promisee: account,
    at: dayAt(0),
    terms: { type: "once", dueAt: dayAt(10) },
    matcher: { kinds: ["visit"] },
    ...more,
  };
  return { promise: (await ledger.run("make-promise", body)).id, account, rep };
}

const visit = (account: string, rep: string, day: number) => ({
  account,
  kind: "visit",
  purpose: "relationship",
  direction: "outbound",
  startedAt: dayAt(day),
  minutes: 60,
  participants: [rep],
});

describe("the keeper", () => {
  it("says nothing before deadline and allowance have passed", async () => {
    const ledger = testLedger(dayAt(0));
    const { promise } = await promised(ledger);
    ledger.setNow(dayAt(10, 23));
    expect(await ledger.keeper.settle()).toBe(0);
    ledger.setNow(dayAt(11, 1));
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise).map(({ type }) => type)).toEqual(["PromiseBroken", "PromiseConcluded"]);
  });

  it("states when it fell due, not when it woke", async () => {
    const ledger = testLedger(dayAt(0));
    const { promise } = await promised(ledger);
    ledger.setNow(dayAt(300));
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise)[0]).toMatchObject({
      occurredAt: dayAt(10),
      recordedAt: dayAt(300),
      data: { brokenAt: dayAt(10), reason: "deadline", basis: { asOf: dayAt(300) } },
    });
  });

  it("turns broken into kept late when the keeping becomes known, and leaves both on record", async () => {
    const ledger = testLedger(dayAt(0));
    const { promise, account, rep } = await promised(ledger);
    ledger.setNow(dayAt(12));
    await ledger.keeper.settle();
    await ledger.run("record-interaction", visit(account, rep, 11));
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise).map(({ type }) => type)).toEqual([
      "PromiseBroken",
      "PromiseConcluded",
      "PromiseKept",
      "PromiseConcluded",
    ]);
    expect(verdictsOf(ledger, promise)[2]).toMatchObject({ data: { verdict: "kept-late", latenessMs: 86_400_000 } });
  });

  it("withdraws a verdict whose evidence was retracted", async () => {
    const ledger = testLedger(dayAt(0));
    const { promise, account, rep } = await promised(ledger);
    ledger.setNow(dayAt(5));
    const { id } = await ledger.run("record-interaction", visit(account, rep, 4));
    await ledger.keeper.settle();
    await ledger.run("retract-interaction", {}, { interaction: id });
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise).map(({ type }) => type)).toEqual(["PromiseKept", "PromiseConcluded", "VerdictWithdrawn"]);
    expect(await ledger.ask("get-promise", { promise })).toMatchObject({ state: "in-force" });
  });

  it("holds its tongue on the promises of an open load, and settles them when it is complete", async () => {
    const ledger = testLedger(dayAt(200));
    const { id: recording } = await ledger.run("start-recording", { source: "history" });
    const { promise } = await promised(ledger, { recording });
    expect(await ledger.keeper.settle()).toBe(0);
    expect(await ledger.ask("get-promise", { promise })).toMatchObject({ state: "overdue" });
    await ledger.run("complete-recording", { upTo: dayAt(100) }, { recording });
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise)[0]).toMatchObject({ type: "PromiseBroken", occurredAt: dayAt(10) });
  });

  it("records each verdict once when several keepers run at once", async () => {
    const ledger = testLedger(dayAt(0));
    const { promise } = await promised(ledger);
    ledger.setNow(dayAt(20));
    const keepers = Array.from({ length: 4 }, () => new Keeper(ledger.desk.ledger, ledger.host));
    await Promise.all(keepers.map((keeper) => keeper.round()));
    await ledger.keeper.settle();
    expect(verdictsOf(ledger, promise).filter(({ type }) => type === "PromiseBroken")).toHaveLength(1);
  });

  it("leaves what it concludes out of every judgement, agrees with `assess`, and comes to rest", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (story) => {
        const ledger = testLedger();
        await play(ledger, story);
        await ledger.keeper.settle();
        expect(await ledger.keeper.settle()).toBe(0);
        await ledger.host.caughtUp(ledger.store.log.head());
        const { views } = ledger.host;
        const now = ledger.desk.ledger.now();
        const policy = policyInForce(views);
        for (const { id } of views.all<{ id: string }>(`SELECT id FROM promises`)) {
          const input = assessmentInputOf(views, id, policy)!;
          // Nothing is put on record of what came with a load that is still open.
          if (isHeld(input)) continue;
          const assessment = assess(input, now, now);
          const onRecord = attestationsOf(views, id);
          for (const { number, outcome } of assessment.occurrences)
            expect(onRecord.get(number)?.digest ?? "").toBe(digestOf(outcome));
        }
      }),
      {
        // On a cluster each run opens a client of its own.
        numRuns: process.env["KURRENTDB_URL"] === undefined ? 60 : 5,
      },
    );
  });
});
