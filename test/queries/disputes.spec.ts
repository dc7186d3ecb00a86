/** What an open dispute could make of a rate, while what it is about has not ended. */
import { expect, it } from "vitest";
import { testLedger } from "../support/ledger.ts";

const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
const at = "2026-01-01T00:00:00.000Z";

it("an abstention that is cleared of an act counts as kept at its end, and not before", async () => {
  const ledger = testLedger("2026-05-03T00:00:00.000Z");
  await ledger.run("open-account", { id: account, at });
  await ledger.run("add-person", { id: rep, at });
  await ledger.run("make-promise", {
    id: "prm_0000000000000001",
    account,
    promisor: rep,
    promisee: account,
    terms: { type: "abstain", from: at, until: "2027-01-01T00:00:00.000Z" },
    matcher: { purposes: ["sales"] },
    at,
  });
  const visit = { account, kind: "visit", purpose: "sales", direction: "outbound", participants: [rep] };
  await ledger.run("record-interaction", { ...visit, startedAt: "2026-05-01T00:00:00.000Z" });
  const contest = { asserts: { verdict: "kept" }, by: rep };
  await ledger.run("contest-verdict", contest, { promise: "prm_0000000000000001" });

  const read = async () => {
    const { groups } = await ledger.ask<any>("keeping-rates"); // eslint-disable-line @typescript-eslint/no-explicit-any
    const { counts, disputes } = groups[0].keeping;
    const [{ dispute }] = (await ledger.ask<any>("get-promise", { promise: "prm_0000000000000001" })).occurrences; // eslint-disable-line @typescript-eslint/no-explicit-any
    const { allUpheld } = disputes;
    return [counts.broken, allUpheld.counts.kept, allUpheld.pending, allUpheld.lateAsKept?.of, dispute.ifUpheld?.verdict];
  };
  expect(await read()).toEqual([1, 0, 0, undefined, undefined]);
  // Over, and the clock waits a day for records.
  ledger.setNow("2027-01-01T12:00:00.000Z");
  expect(await read()).toEqual([1, 0, 1, undefined, undefined]);
  ledger.setNow("2027-01-02T00:00:00.000Z");
  expect(await read()).toEqual([1, 1, 0, 1, "kept"]);
});
