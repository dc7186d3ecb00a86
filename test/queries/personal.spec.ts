/** Whose text a key bound to a party may read: its own, and the words of promises that it is party to. */
import { beforeAll, describe, expect, it } from "vitest";
import { callerFor, testLedger, type TestLedger } from "../support/ledger.ts";

const account = "acc_0000000000000001";
const rep = "per_0000000000000001";
const buyer = "per_0000000000000002";
const boss = "per_0000000000000003";
const at = "2026-01-01T00:00:00.000Z";

describe("a key bound to a customer's person", () => {
  let ledger: TestLedger;
  const customer = callerFor(buyer as never);
  beforeAll(async () => {
    ledger = testLedger("2026-02-01T00:00:00.000Z");
    await ledger.run("open-account", { id: account, name: "Harbour Freight Lines", note: "Pays late.", at });
    await ledger.run("add-person", { id: rep, name: "R. Novak", at });
    await ledger.run("add-person", { id: buyer, account, name: "M. Lindqvist", note: "Likes sailing.", at });
    await ledger.run("add-person", { id: boss, account, name: "B. Holm", email: "b.holm@example.com", at });
    const own = {
      id: "prm_0000000000000001",
      account,
      promisor: rep,
      promisee: buyer,
      text: "Own words.",
      terms: { type: "once" },
      at,
    };
    await ledger.run("make-promise", own);
    await ledger.run("make-promise", { ...own, id: "prm_0000000000000002", promisee: boss, text: "Words for another." });
    const met = {
      account,
      kind: "visit",
      purpose: "relationship",
      direction: "outbound",
      startedAt: at,
      participants: [rep, buyer],
      note: "An internal note.",
    };
    await ledger.run("record-interaction", met);
    await ledger.run(
      "record-interaction",
      { ...met, participants: [buyer], note: "What I wrote myself." },
      {},
      { caller: customer },
    );
  });

  const opened = async (caller = customer) => {
    const { items } = await ledger.ask<{ items: { personal: Record<string, { status: string; value?: string }> }[] }>(
      "account-timeline",
      { account },
      { limit: 100 },
      caller,
    );
    return items.flatMap(({ personal }) => Object.values(personal).flatMap(({ value }) => value ?? []));
  };

  it("reads its own name and the words of its own promises, and nothing of anybody else's", async () => {
    expect((await opened()).toSorted()).toEqual(["M. Lindqvist", "Own words."]);
  });

  it("is told that the rest is sealed", async () => {
    const { items } = await ledger.ask<{ items: { type: string; personal: object }[] }>(
      "account-timeline",
      { account },
      { limit: 100 },
      customer,
    );
    expect(items.find(({ type }) => type === "AccountOpened")!.personal).toEqual({
      name: { status: "sealed" },
      note: { status: "sealed" },
    });
  });

  it("leaves the house's own keys to read all of it", async () => {
    expect(await opened(callerFor())).toEqual(
      expect.arrayContaining(["B. Holm", "An internal note.", "Likes sailing.", "Words for another."]),
    );
  });
});

describe("a key bound to an account", () => {
  it("reads the words of every promise that concerns it, and no note about it", async () => {
    const ledger = testLedger("2026-02-01T00:00:00.000Z");
    await ledger.run("open-account", { id: account, name: "Harbour Freight Lines", note: "Pays late.", at });
    await ledger.run("add-person", { id: rep, name: "R. Novak", at });
    await ledger.run("make-promise", {
      id: "prm_0000000000000001",
      account,
      promisor: rep,
      promisee: account,
      text: "We deliver.",
      terms: { type: "once" },
      at,
    });
    const caller = callerFor(account as never);
    expect(await ledger.ask("get-promise", { promise: "prm_0000000000000001" }, {}, caller)).toMatchObject({
      personal: { text: { status: "opened", value: "We deliver." } },
    });
    expect(await ledger.ask("get-account", { account }, {}, caller)).toMatchObject({
      personal: { name: { status: "opened" }, note: { status: "sealed" } },
    });
  });
});
