import { describe, expect, it } from "vitest";
import { coversAll, verifyCensusProof } from "../../src/audit/census.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { signatureType, signerKey, verifierOf } from "../../src/audit/verifier-key.ts";
import { signTreeHead } from "../../src/audit/tree-head.ts";
import { takeCensusWhenDue } from "../../src/keeper/census-daily.ts";
import { type CensusFigures, ledgerRecord } from "../../src/domain/ledger-record.ts";
import { LogDivergedError } from "../../src/transparency/audit-log.ts";
import { inlineAuditLog } from "../../src/transparency/inline-audit-log.ts";
import { memoryHeads, memoryTiles } from "../../src/transparency/memory.ts";
import { SignedTree } from "../../src/transparency/signed-tree.ts";
import { type TestLedger, testLedger } from "../support/ledger.ts";
import { on, specFor } from "../support/spec.ts";

const { given } = specFor(ledgerRecord);
const at = on("2026-07-01");
const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
const counted = (treeSize: number): CensusFigures => ({ treeSize, accounts: 3, root });
const record = (treeSize: number) => ({ type: "RecordCensus" as const, census: counted(treeSize), at });
const taken = (treeSize: number) => ({ type: "CensusTaken" as const, data: counted(treeSize) });

describe("putting a census on record", () => {
  it("names size, accounts and root", () => given().when(record(40)).then(taken(40)));
  it("follows an earlier one", () =>
    given({ ...taken(39), at })
      .when(record(40))
      .then(taken(40)));
  it("adds nothing for a size that was counted, or that was overtaken", async () => {
    given({ ...taken(40), at })
      .when(record(40))
      .thenNothing();
    given({ ...taken(41), at })
      .when(record(40))
      .thenNothing();
  });
});

const harbour = "acc_0000000000000001";
async function ledgerWithAccounts(): Promise<TestLedger> {
  const ledger = testLedger("2026-01-01T00:00:00.000Z");
  await ledger.desk.ledger.handle(
    ledgerRecord,
    "ledger",
    { type: "OpenLedger", ledger: "main" as never, at: ledger.desk.ledger.now() },
    { actor: { kind: "system", id: "init" }, correlation: "init" },
  );
  for (const id of [harbour, "acc_0000000000000002"]) await ledger.run("open-account", { id });
  await ledger.run("add-person", { id: "per_0000000000000002", account: harbour });
  return ledger;
}
const censuses = ({ eventsOf }: TestLedger) => eventsOf("ledger").filter(({ type }) => type === "CensusTaken");

describe("taking a census", () => {
  it("counts every account's events, and its lines can be read at once", async () => {
    const ledger = await ledgerWithAccounts();
    const { events, id } = await ledger.run("take-census", {});
    expect([id, events.map(({ type }) => type)]).toEqual(["ledger", ["CensusTaken"]]);
    const last = ledger.census.latest()!;
    expect([last.event, last.treeSize, last.accounts]).toEqual([events[0]!.id, 4, 2]);
    const own = ledger.store.log.readAll(0, 4).filter(({ leaf }) => Buffer.from(leaf).includes(`"account":"${harbour}"`));
    expect(own).toHaveLength(2);
    const line = verifyCensusProof(ledger.census.proofOf(harbour)!, last);
    expect(
      coversAll(
        line,
        own.map(({ leaf }) => leafHash(leaf)),
      ),
    ).toBe(true);
  });

  it("adds nothing where nothing is new, and again once something is", async () => {
    const ledger = await ledgerWithAccounts();
    const first = await ledger.run("take-census", {});
    expect(await ledger.run("take-census", {})).toEqual({ ...first, isReplay: true });
    expect(censuses(ledger)).toHaveLength(1);
    await ledger.run("close-account", {}, { account: harbour });
    expect((await ledger.run("take-census", {})).isReplay).toBe(false);
    expect(censuses(ledger)).toHaveLength(2);
  });

  it("sent again with its key is answered from the log, whatever came since", async () => {
    const ledger = await ledgerWithAccounts();
    const first = await ledger.run("take-census", {}, {}, { idempotencyKey: "monday" });
    await ledger.run("close-account", {}, { account: harbour });
    const again = await ledger.run("take-census", {}, {}, { idempotencyKey: "monday" });
    expect([again.isReplay, again.events]).toEqual([true, first.events]);
    expect(censuses(ledger)).toHaveLength(1);
  });

  it("at the same moment twice is one census", async () => {
    const ledger = await ledgerWithAccounts();
    await Promise.all([1, 2, 3].map(() => ledger.run("take-census", {})));
    expect(censuses(ledger)).toHaveLength(1);
  });

  it("is refused of a log that does not bear out what was signed", async () => {
    const ledger = await ledgerWithAccounts();
    const signer = signerKey("troth/main", signatureType.ed25519, new Uint8Array(32).fill(7));
    const head = { origin: "troth/main", size: 9, root: new Uint8Array(32) };
    const heads = memoryHeads();
    heads.keep({ ...head, note: signTreeHead(head, [signer]) }, "2026-01-01");
    const keys = { signersAt: () => [signer], verifiers: () => [verifierOf(signer)] };
    const tiles = memoryTiles();
    const tree = new SignedTree({ log: ledger.store.log, tiles, heads: [heads], keys, today: () => "2026-01-01" });
    await tree.open();
    ledger.desk.auditLog = inlineAuditLog(tree, tiles, keys);
    await expect(ledger.run("take-census", {})).rejects.toThrow(LogDivergedError);
    expect(censuses(ledger)).toEqual([]);
  });
});

describe("the daily census", () => {
  it("comes a day after the ledger was opened, and then a day after the last one", async () => {
    const ledger = await ledgerWithAccounts();
    const dueAt = async (instant: string) => {
      ledger.setNow(instant);
      return takeCensusWhenDue(ledger.desk);
    };
    expect(await dueAt("2026-01-01T23:59:59.000Z")).toBe(false);
    expect(await dueAt("2026-01-02T00:00:00.000Z")).toBe(true);
    await ledger.run("close-account", {}, { account: harbour });
    expect(await dueAt("2026-01-02T23:00:00.000Z")).toBe(false);
    expect(await dueAt("2026-01-03T00:00:00.000Z")).toBe(true);
    expect(censuses(ledger).map(({ actor }) => actor)).toEqual([
      { kind: "clock", id: "daily" },
      { kind: "clock", id: "daily" },
    ]);
  });

  it("is left out where nothing is new", async () => {
    const ledger = await ledgerWithAccounts();
    for (const [day, isTaken] of [
      [3, true],
      [5, false],
      [7, false],
    ] as const) {
      ledger.setNow(`2026-01-0${day}T00:00:00.000Z`);
      expect(await takeCensusWhenDue(ledger.desk)).toBe(isTaken);
    }
    expect(censuses(ledger)).toHaveLength(1);
  });
});
