import { copyFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coversAll, verifyCensusProof } from "../../src/audit/census.ts";
import { toBase64 } from "../../src/audit/encoding.ts";
import { aFolder } from "../event-store/support/folder.ts";
import { auditError } from "../audit/log.examples.ts";
import {
  appendAbout,
  appendAnchored,
  appendCensus,
  appendMany,
  censusesIn,
  censusPath,
  countAll,
  hashesOf,
  openCensus,
  type OpenedCensus,
  recount,
  takeCensus,
} from "./support/census-files.ts";
import { logPath } from "./support/ledger-files.ts";

const remove = (path: string) => {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
};

/** Every line of the last census verifies, and covers exactly the account's leaves up to it. */
function expectWholeLines({ store, lines }: OpenedCensus, accounts: readonly string[]): void {
  const last = lines.latest()!;
  expect({ treeSize: last.treeSize, accounts: last.accounts, root: toBase64(last.root) }).toEqual(censusesIn(store).at(-1));
  for (const account of accounts) {
    const own = hashesOf(store, account, last.treeSize);
    const proved = lines.proofOf(account);
    expect(proved === undefined, account).toBe(own.length === 0);
    if (proved !== undefined) expect(coversAll(verifyCensusProof(proved, last), own), account).toBe(true);
  }
}

/** A folder with 40 events about 7 accounts, a census, and 5 events more. */
async function countedFolder(): Promise<{ folder: string; names: string[] }> {
  const folder = aFolder();
  const names = Array.from({ length: 7 }, (_, at) => `acc_${at}`);
  const opened = openCensus(folder);
  await appendAbout(opened.store, undefined, ...Array.from({ length: 39 }, (_, at) => names[(at * at) % 7]));
  await takeCensus(opened);
  await appendAbout(opened.store, "acc_0", "acc_9", undefined, "acc_1", "acc_0");
  countAll(opened.book);
  await opened.close();
  return { folder, names };
}

describe("the census of a log", () => {
  it("comes out again when any history is counted from scratch", async () => {
    const accounts = ["acc_a", "acc_b", "acc_10", "acc_9", "acc_z"];
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(undefined, ...accounts).map((about) => ({ about })) },
      { weight: 2, arbitrary: fc.constant("take" as const) },
      { weight: 1, arbitrary: fc.constant("anchor" as const) },
      { weight: 1, arbitrary: fc.constant("restart" as const) },
      { weight: 1, arbitrary: fc.constant("lose" as const) },
      { weight: 1, arbitrary: fc.constant("count" as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const folder = aFolder();
        let opened = openCensus(folder);
        await appendAbout(opened.store, "acc_a");
        for (const one of [...steps, "take" as const]) {
          if (typeof one === "object") await appendAbout(opened.store, one.about);
          else if (one === "take") await takeCensus(opened);
          else if (one === "anchor") await appendAnchored(opened.store);
          else if (one === "count") countAll(opened.book);
          else {
            await opened.close();
            if (one === "lose") remove(censusPath(folder));
            opened = openCensus(folder);
          }
        }
        const recorded = censusesIn(opened.store);
        expect(recorded).toEqual(recorded.map(({ treeSize }) => recount(opened.store, treeSize)));
        expect(opened.book.contradicted).toBeUndefined();
        expectWholeLines(opened, accounts);
        await opened.close();
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it("keeps its lines as they were, while counting goes on", async () => {
    const { folder, names } = await countedFolder();
    const opened = openCensus(folder);
    const before = opened.lines.proofOf("acc_0")!;
    expectWholeLines(opened, names);
    await appendAbout(opened.store, ...names);
    countAll(opened.book);
    opened.book.count();
    expect(opened.lines.proofOf("acc_0")).toEqual(before);
    expect(opened.lines.proofOf("acc_9")).toBeUndefined();
    await takeCensus(opened);
    expectWholeLines(opened, [...names, "acc_9"]);
    expect(opened.lines.proofOf("acc_9")).toBeDefined();
    await opened.close();
  });

  it("comes out the same for a backlog that is counted in large steps, with a census within one of them", async () => {
    const folder = aFolder();
    const opened = openCensus(folder);
    await appendMany(opened.store, 20_000, 37);
    const early = recount(opened.store, 9_000);
    await appendCensus(opened.store, { ...early, root: Buffer.from(early.root, "base64") });
    await appendMany(opened.store, 20_000, 53);
    await opened.close();
    remove(censusPath(folder));
    const again = openCensus(folder);
    countAll(again.book);
    expectWholeLines(again, ["acc_0", "acc_36", "acc_37"]);
    await takeCensus(again);
    expect(censusesIn(again.store).at(-1)).toEqual(recount(again.store, 40_001));
    expectWholeLines(again, ["acc_0", "acc_36", "acc_52", "acc_53"]);
    await again.close();
  });

  it("is not counted again after a restart", async () => {
    const { folder, names } = await countedFolder();
    const opened = openCensus(folder);
    countAll(opened.book);
    expect([opened.book.countedCount, opened.book.isReady]).toEqual([0, true]);
    expectWholeLines(opened, names);
    await opened.close();
  });

  it("is the last one again where nothing but censuses and anchors came since", async () => {
    const { folder } = await countedFolder();
    const opened = openCensus(folder);
    const count = await takeCensus(opened);
    const head = opened.store.log.head();
    await appendAnchored(opened.store);
    expect((await takeCensus(opened)).treeSize).toBe(count.treeSize);
    expect(opened.store.log.head()).toBe(head + 1);
    await appendAbout(opened.store, undefined);
    expect((await takeCensus(opened)).treeSize).toBe(head + 2);
    await opened.close();
  });

  it("proves nothing with lines or hashes that were damaged", async () => {
    const { folder } = await countedFolder();
    const database = new DatabaseSync(censusPath(folder));
    database.exec("UPDATE lines SET line = CAST(replace(CAST(line AS TEXT), '\"events\":', '\"events\":1') AS BLOB)");
    database.close();
    const opened = openCensus(folder);
    expect(await auditError(() => opened.lines.proofOf("acc_0"))).toEqual({ code: "proof-failed" });
    await opened.close();
  });
});

describe("the file of the census", () => {
  const spoilt: [string, (folder: string) => void][] = [
    ["deleted", (folder) => remove(censusPath(folder))],
    ["overwritten", (folder) => (remove(censusPath(folder)), writeFileSync(censusPath(folder), "no counts"))],
  ];
  it.each(spoilt)("is made anew where it was %s, with the lines of the last census", async (_, spoil) => {
    const { folder, names } = await countedFolder();
    spoil(folder);
    const opened = openCensus(folder);
    expect([opened.book.isReady, opened.lines.latest()]).toEqual([false, undefined]);
    countAll(opened.book);
    expect([opened.book.isReady, opened.book.countedCount]).toEqual([true, opened.store.log.head()]);
    expectWholeLines(opened, names);
    await opened.close();
  });

  it("goes on from where an older copy of it left off", async () => {
    const { folder, names } = await countedFolder();
    const old = `${censusPath(folder)}.old`;
    copyFileSync(censusPath(folder), old);
    const opened = openCensus(folder);
    await appendAbout(opened.store, ...names, "acc_8");
    await takeCensus(opened);
    const { treeSize } = opened.lines.latest()!;
    await opened.close();
    remove(censusPath(folder));
    copyFileSync(old, censusPath(folder));
    const again = openCensus(folder);
    countAll(again.book);
    expect(again.book.countedCount).toBe(again.store.log.head() - 46);
    expect(again.lines.latest()?.treeSize).toBe(treeSize);
    expectWholeLines(again, [...names, "acc_8"]);
    await again.close();
  });

  it("is made anew where the log was put back and went on otherwise", async () => {
    const { folder, names } = await countedFolder();
    const old = `${logPath(folder)}.old`;
    copyFileSync(logPath(folder), old);
    const opened = openCensus(folder);
    await appendAbout(opened.store, ...names);
    await takeCensus(opened);
    await opened.close();
    remove(logPath(folder));
    copyFileSync(old, logPath(folder));
    const again = openCensus(folder);
    await appendAbout(again.store, "acc_5", "acc_5", ...names, ...names);
    await again.close();
    const third = openCensus(folder);
    countAll(third.book);
    expectWholeLines(third, names);
    await takeCensus(third);
    expectWholeLines(third, names);
    expect(censusesIn(third.store).at(-1)).toEqual(recount(third.store, third.lines.latest()!.treeSize));
    expect(existsSync(censusPath(folder))).toBe(true);
    await third.close();
  });
});

describe("counts of a log without a census that was put back", () => {
  it.each([0, 10, 40])("are begun anew (%i other events later)", async (count) => {
    const folder = aFolder();
    const opened = openCensus(folder);
    await appendMany(opened.store, 20, 5);
    await opened.store.close();
    const old = `${logPath(folder)}.old`;
    copyFileSync(logPath(folder), old);
    const counted = openCensus(folder);
    await appendMany(counted.store, 20, 7);
    countAll(counted.book);
    await counted.close();
    remove(logPath(folder));
    copyFileSync(old, logPath(folder));
    const again = openCensus(folder);
    if (count > 0) await appendMany(again.store, count, 3);
    await again.close();
    const third = openCensus(folder);
    await takeCensus(third);
    expect(censusesIn(third.store)).toEqual([recount(third.store, 20 + count)]);
    await third.close();
  });
});

describe("a census in the log", () => {
  it("that this file did not count is counted from the log", async () => {
    const { folder, names } = await countedFolder();
    const opened = openCensus(folder);
    const treeSize = opened.store.log.head() - 3;
    const { accounts, root } = recount(opened.store, treeSize);
    await appendCensus(opened.store, { treeSize, accounts, root: Buffer.from(root, "base64") });
    countAll(opened.book);
    expectWholeLines(opened, names);
    await opened.close();
  });

  it.each([
    ["with another root", { root: new Uint8Array(32) }],
    ["with another number of accounts", { accounts: 6 }],
    ["of more than stood before it", { treeSize: 47 }],
  ])("%s is told to be false, and proves nothing until the next one", async (_, wrong) => {
    const { folder, names } = await countedFolder();
    let opened = openCensus(folder);
    const { treeSize, accounts, root } = recount(opened.store, 44);
    await appendCensus(opened.store, { treeSize, accounts, root: Buffer.from(root, "base64"), ...wrong });
    for (const isRestarted of [false, true]) {
      if (isRestarted) {
        await opened.close();
        opened = openCensus(folder);
      }
      countAll(opened.book);
      expect(opened.book.contradicted?.position).toBe(47);
      expect([opened.book.isReady, opened.lines.latest(), opened.lines.proofOf("acc_0")]).toEqual([true, undefined, undefined]);
    }
    await appendAbout(opened.store, ...names);
    await takeCensus(opened);
    expect(opened.book.contradicted).toBeUndefined();
    expectWholeLines(opened, names);
    await opened.close();
  });
});
