/** Models are fitted once there is enough history, and again each week, without anybody asking. */
import { describe, expect, it } from "vitest";
import { refitWhenDue } from "../../src/keeper/refitting.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";
import { dayAt } from "../support/portfolio.ts";

const accountOf = (number: number) => `acc_${String(number).padStart(16, "0")}`;

async function contacted(ledger: TestLedger, accountCount: number): Promise<void> {
  for (let number = 0; number < accountCount; number += 1) {
    await ledger.run("open-account", { id: accountOf(number), at: dayAt(0) });
    for (let visit = 0; visit <= number % 5; visit += 1) {
      const startedAt = dayAt(visit * (7 + (number % 9)) + (number % 3));
      await ledger.run("record-interaction", {
        account: accountOf(number),
        kind: "visit",
        purpose: "relationship",
        direction: "inbound",
        startedAt,
      });
    }
  }
}

describe("refitting", () => {
  it("waits for a hundred accounts", async () => {
    const ledger = testLedger(dayAt(100));
    await contacted(ledger, 99);
    expect(await refitWhenDue(ledger.desk)).toEqual([]);
  });

  it("records a fit when there are enough, and the next one a week later", async () => {
    const ledger = testLedger(dayAt(100));
    await contacted(ledger, 120);
    expect(await refitWhenDue(ledger.desk)).toEqual(["fit-dormancy-model"]);
    expect(await refitWhenDue(ledger.desk)).toEqual([]);
    ledger.setNow(dayAt(106));
    expect(await refitWhenDue(ledger.desk)).toEqual([]);
    ledger.setNow(dayAt(107));
    expect(await refitWhenDue(ledger.desk)).toEqual(["fit-dormancy-model"]);
    const [first] = ledger.eventsOf("ledger");
    expect(first).toMatchObject({
      type: "DormancyModelFitted",
      actor: { kind: "clock" },
      data: { accounts: 120, cutOff: dayAt(100) },
    });
    expect(await ledger.ask("account-dormancy", { account: accountOf(4) })).toMatchObject({ decidedBy: "alive" });
  });

  it("takes the prior of trust from the portfolio once thirty parties have outcomes", async () => {
    const ledger = testLedger(dayAt(100));
    for (let number = 0; number < 30; number += 1) {
      const account = accountOf(number);
      await ledger.run("open-account", { id: account, at: dayAt(0) });
      for (let promise = 0; promise < 4; promise += 1) {
        const made = await ledger.run("make-promise", {
          account,
          promisor: account,
          promisee: "house",
          terms: { type: "once", dueAt: dayAt(10) },
          at: dayAt(1),
        });
        if (promise < number % 5) await ledger.run("claim-keeping", { keptAt: dayAt(9), at: dayAt(9) }, { promise: made.id });
      }
    }
    ledger.setNow(dayAt(102));
    expect(await refitWhenDue(ledger.desk)).toEqual(["fit-prior"]);
    const { prior } = await ledger.ask<{ prior: { mean: number; parties: number } }>("current-models");
    expect(prior).toMatchObject({ parties: 30 });
    expect(prior.mean).toBeCloseTo(0.5, 1);
  });
});
