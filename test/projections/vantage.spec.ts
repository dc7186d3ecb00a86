/** What counts at a vantage: the definition that every faster way is held against. */
import { describe, expect, it } from "vitest";
import type { AccountId, Instant } from "../../src/domain/values.ts";
import { dumpViews } from "../../src/projections/dump.ts";
import { projections } from "../../src/projections/registry.ts";
import { viewsAt } from "../../src/projections/vantage.ts";
import { testLedger, type TestLedger } from "../support/ledger.ts";
import { dayAt } from "../support/portfolio.ts";

async function givenAVisitedAccount() {
  const ledger = testLedger(dayAt(10));
  const { id: account } = await ledger.run("open-account", { name: "Harbour Logistics", at: dayAt(0) });
  const visit = { account, kind: "visit", purpose: "relationship", direction: "outbound", startedAt: dayAt(5), minutes: 60 };
  const { id: interaction } = await ledger.run("record-interaction", visit);
  return { ledger, account, visit, interaction };
}

const headOf = (ledger: TestLedger) => ledger.store.log.head();

/** Rows of a table at a vantage. */
function rowsAt(ledger: TestLedger, table: string, asOf: string, size: number, account?: string) {
  const slice = account === undefined ? undefined : { account: account as AccountId };
  const { views, close } = viewsAt(ledger.store.log, { asOf: asOf as Instant, knownAt: asOf as Instant, size }, slice);
  const rows = views.all(`SELECT * FROM ${table}`);
  close();
  return rows;
}

describe("a vantage", () => {
  it("leaves out what had not happened, and what was not known", async () => {
    const { ledger } = await givenAVisitedAccount();
    const size = headOf(ledger);
    expect(rowsAt(ledger, "interactions", dayAt(4), size)).toHaveLength(0);
    expect(rowsAt(ledger, "interactions", dayAt(5), size)).toHaveLength(1);
    expect(rowsAt(ledger, "interactions", dayAt(5), size - 1)).toHaveLength(0);
  });

  it("takes a correction as knowledge: it moves when the visit was, for whoever knows of it", async () => {
    const { ledger, visit, interaction } = await givenAVisitedAccount();
    const before = headOf(ledger);
    const { account: _, ...details } = visit;
    await ledger.run("correct-interaction", { ...details, startedAt: dayAt(3) }, { interaction });
    expect(rowsAt(ledger, "interactions", dayAt(4), before)).toHaveLength(0);
    expect(rowsAt(ledger, "interactions", dayAt(4), headOf(ledger))).toMatchObject([{ started_at: dayAt(3), is_corrected: 1 }]);
  });

  it("takes the retraction of an outcome as knowledge, however late it came", async () => {
    const { ledger, account } = await givenAVisitedAccount();
    const { id: outcome } = await ledger.run("record-outcome", { account, kind: "renewed", at: dayAt(5) });
    const before = headOf(ledger);
    await ledger.run("retract-outcome", {}, { outcome });
    expect(rowsAt(ledger, "business_outcomes", dayAt(5), before)).toMatchObject([{ is_retracted: 0 }]);
    expect(rowsAt(ledger, "business_outcomes", dayAt(5), headOf(ledger))).toMatchObject([{ is_retracted: 1 }]);
    expect(rowsAt(ledger, "business_outcomes", dayAt(4), headOf(ledger))).toHaveLength(0);
  });

  it("folds what was said of a promise by when it was said to have happened", async () => {
    const { ledger, account } = await givenAVisitedAccount();
    const made = { account, promisor: "house", promisee: account, terms: { type: "once", dueAt: dayAt(30) }, at: dayAt(2) };
    const { id: promise } = await ledger.run("make-promise", made);
    await ledger.run("release-promise", { at: dayAt(6) }, { promise });
    const statuses = [1, 2, 5, 6].map((day) =>
      rowsAt(ledger, "promises", dayAt(day), headOf(ledger)).map((row) => row["status"]),
    );
    expect(statuses).toEqual([[], ["in-force"], ["in-force"], ["released"]]);
  });

  it("knows nothing of a stream that had not begun", async () => {
    const { ledger } = await givenAVisitedAccount();
    const { id: account } = await ledger.run("open-account", { name: "Later", at: dayAt(8) });
    await ledger.run("change-account", { tags: ["key-account"], at: dayAt(1) }, { account });
    expect(rowsAt(ledger, "accounts", dayAt(7), headOf(ledger))).toHaveLength(1);
    expect(rowsAt(ledger, "accounts", dayAt(8), headOf(ledger))).toHaveLength(2);
  });

  it("of an account shows that account's rows, and everybody's policy", async () => {
    const { ledger, account } = await givenAVisitedAccount();
    await ledger.run("open-account", { name: "Another", at: dayAt(0) });
    await ledger.run("adopt-policy", { promises: { recordingAllowanceMinutes: 60 } });
    const size = headOf(ledger);
    expect(rowsAt(ledger, "accounts", dayAt(9), size, account)).toMatchObject([{ id: account }]);
    expect(rowsAt(ledger, "policies", dayAt(9), size, account)).toHaveLength(1);
  });

  it("at the end of the log and of time is what the running views hold", async () => {
    const { ledger } = await givenAVisitedAccount();
    await ledger.host.caughtUp(headOf(ledger));
    const end = "9999-12-31T00:00:00.000Z" as Instant;
    const { views, close } = viewsAt(ledger.store.log, { asOf: end, knownAt: end, size: headOf(ledger) });
    expect([...dumpViews(views, projections)]).toEqual([...dumpViews(ledger.host.views, projections)]);
    expect(views.position()).toBe(headOf(ledger));
    close();
  });
});
