import { describe, expect, it } from "vitest";
import { testLedger, type TestLedger } from "../support/ledger.ts";

const account = "acc_0000000000000001";
const other = "acc_0000000000000002";
const visit = {
  ...{ account, kind: "visit", purpose: "relationship", direction: "outbound", minutes: 60 },
  ...{ startedAt: "2026-01-09T10:00:00.000Z", source: "calendar", externalId: "uid-1" },
};

async function given(): Promise<TestLedger> {
  const ledger = testLedger("2026-02-01T00:00:00.000Z");
  await ledger.run("open-account", { id: account });
  await ledger.run("open-account", { id: other });
  return ledger;
}

const sync = (ledger: TestLedger, more: object = {}) => ledger.run("sync-interaction", { ...visit, ...more });
const types = (ledger: TestLedger, id: string) => ledger.eventsOf(`interaction-${id}`).map(({ type }) => type);

describe("an interaction as its source has it", () => {
  it("is recorded once, however often it is told", async () => {
    const ledger = await given();
    const { id } = await sync(ledger);
    expect(await sync(ledger)).toMatchObject({ id, isReplay: true });
    expect(types(ledger, id)).toEqual(["InteractionRecorded"]);
  });

  it("is the one that was recorded under the same external id", async () => {
    const ledger = await given();
    const { id } = await ledger.run("record-interaction", visit);
    expect(await sync(ledger)).toMatchObject({ id, events: [] });
    await sync(ledger, { minutes: 45 });
    expect(types(ledger, id)).toEqual(["InteractionRecorded", "InteractionCorrected"]);
  });

  it("is corrected where the source changed it, and corrected again where it was changed back", async () => {
    const ledger = await given();
    const { id } = await sync(ledger);
    for (const minutes of [75, 75, 60, 60]) await sync(ledger, { minutes });
    expect(types(ledger, id)).toEqual(["InteractionRecorded", "InteractionCorrected", "InteractionCorrected"]);
    expect(ledger.eventsOf(`interaction-${id}`).at(-1)!.data).toMatchObject({ minutes: 60 });
  });

  it("is corrected where only its sealed note changed", async () => {
    const ledger = await given();
    const { id } = await sync(ledger, { note: "Sailing." });
    await sync(ledger, { note: "Sailing." });
    await sync(ledger, { note: "Gardening." });
    expect(types(ledger, id)).toEqual(["InteractionRecorded", "InteractionCorrected"]);
  });

  it("stays as it was put right here while the source has not changed", async () => {
    const ledger = await given();
    const { id } = await sync(ledger);
    const { account: _, source, externalId, ...details } = visit;
    await ledger.run("correct-interaction", { ...details, minutes: 20 }, { interaction: id });
    await sync(ledger);
    expect(types(ledger, id)).toEqual(["InteractionRecorded", "InteractionCorrected"]);
    expect([source, externalId]).toEqual(["calendar", "uid-1"]);
  });

  it("is retracted where the source cancelled it, and stays so until it is told anew under another id", async () => {
    const ledger = await given();
    const { id } = await sync(ledger);
    await sync(ledger, { cancelled: true });
    await sync(ledger, { cancelled: true });
    expect(types(ledger, id)).toEqual(["InteractionRecorded", "InteractionRetracted"]);
    expect(await sync(ledger)).toMatchObject({ events: [] });
    await expect(sync(ledger, { minutes: 5 })).rejects.toMatchObject({ code: "interaction-retracted" });
  });

  it("leaves nothing behind where it was cancelled before it was ever told", async () => {
    const ledger = await given();
    const before = ledger.events().length;
    await expect(sync(ledger, { cancelled: true })).rejects.toMatchObject({ code: "interaction-not-found" });
    expect(ledger.events()).toHaveLength(before);
  });

  it("never moves to another account, unless each account has its own", async () => {
    const ledger = await given();
    await sync(ledger);
    await expect(sync(ledger, { account: other })).rejects.toMatchObject({ code: "interaction-exists", field: "/account" });
    const [one, two] = [await sync(ledger, { perAccount: true }), await sync(ledger, { perAccount: true, account: other })];
    expect(one.id).not.toBe(two.id);
  });

  it("told twice at once is one fact", async () => {
    const ledger = await given();
    const [one, two] = await Promise.all([sync(ledger), sync(ledger)]);
    expect(one.id).toBe(two.id);
    expect(types(ledger, one.id)).toEqual(["InteractionRecorded"]);
  });
});
