import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { equalBytes, toBase64 } from "../../src/audit/encoding.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import type { LocalEventStore } from "../../src/event-store/log.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { aFolder } from "../event-store/support/folder.ts";
import {
  appendResumed,
  appendTo,
  growAll,
  keysPath,
  logPath,
  openSigned,
  type Opened,
  treePath,
} from "./support/ledger-files.ts";

/** A folder whose log has this many events, with a signed head over all of them. */
async function signedFolder(count: number): Promise<string> {
  const folder = aFolder();
  const opened = await openSigned(folder);
  await appendTo(opened.store, count);
  signAll(opened);
  await opened.close();
  return folder;
}

function signAll({ tree }: Opened) {
  growAll(tree);
  return tree.sign();
}

const rootOf = ({ log }: LocalEventStore): Uint8Array => rootHash(log.readAll(0, 100_000).map(({ leaf }) => leafHash(leaf)));

function removeLog(folder: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${logPath(folder)}${suffix}`, { force: true });
}

function removeTree(folder: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${treePath(folder)}${suffix}`, { force: true });
}

describe("the tree over a log", () => {
  it("has the root of RFC 9162 at every size it is signed at", async () => {
    const opened = await openSigned(aFolder());
    expect(signAll(opened)).toBeUndefined();
    for (const count of [1, 1, 3, 250, 1, 1, 300]) {
      await appendTo(opened.store, count);
      const head = signAll(opened)!;
      expect(head.size).toBe(opened.store.log.head());
      expect(equalBytes(head.root, rootOf(opened.store))).toBe(true);
    }
    await opened.close();
  });

  it("is not hashed again after a restart, but for the leaf that is compared", async () => {
    const folder = await signedFolder(700);
    const opened = await openSigned(folder);
    expect([opened.tree.hashedCount, opened.tree.served?.size]).toEqual([0, 700]);
    await appendTo(opened.store, 5);
    signAll(opened);
    expect(opened.tree.hashedCount).toBe(5);
    await opened.close();
  });

  it("goes on from where its file left off", async () => {
    const folder = await signedFolder(300);
    const old = `${treePath(folder)}.old`;
    copyFileSync(treePath(folder), old);
    const opened = await openSigned(folder);
    await appendTo(opened.store, 40);
    const head = signAll(opened)!;
    await opened.close();
    removeTree(folder);
    copyFileSync(old, treePath(folder));
    const again = await openSigned(folder);
    expect([again.tree.hashedCount, again.tree.served?.note]).toEqual([40, head.note]);
    await again.close();
  });

  it.each([
    ["deleted", (folder: string) => removeTree(folder)],
    ["overwritten", (folder: string) => (removeTree(folder), writeFileSync(treePath(folder), "no tiles"))],
    [
      "damaged",
      (folder: string) => {
        const database = new DatabaseSync(treePath(folder));
        database.exec("UPDATE tiles SET bytes = zeroblob(length(bytes)) WHERE place = 1");
        database.close();
      },
    ],
  ])("is built anew with the same root where its file was %s", async (_, spoil) => {
    const folder = await signedFolder(600);
    const before = await openSigned(folder);
    const { note } = before.tree.served!;
    await before.close();
    spoil(folder);
    const after = await openSigned(folder);
    expect([after.tree.broken, after.tree.served?.note, after.tree.hashedCount]).toEqual([undefined, note, 600]);
    await after.close();
  });
});

describe("a signed head", () => {
  it("is signed once for one size, and stands in the log's file and beside the key before it is shown", async () => {
    const folder = await signedFolder(10);
    const { heads, tree, close } = await openSigned(folder);
    const note = tree.sign()!.note;
    expect(heads.map((store) => store.last())).toEqual([note, note]);
    await close();
  });

  it("is not shown where it can't be stored, and is once it can", async () => {
    const folder = await signedFolder(10);
    let isFull = true;
    const opened = await openSigned(folder, (inner) => ({
      ...inner,
      keep(head, day) {
        if (isFull) throw new Error("no room");
        inner.keep(head, day);
      },
    }));
    await appendTo(opened.store, 1);
    expect(() => signAll(opened)).toThrow("no room");
    expect(opened.tree.served?.size).toBe(10);
    isFull = false;
    expect(opened.tree.sign()?.size).toBe(11);
    await opened.close();
  });

  it("is kept once a day, and the last one always", async () => {
    const folder = aFolder();
    for (const day of ["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-01"]) {
      const opened = await openSigned(folder, undefined, day);
      await appendTo(opened.store, 1);
      signAll(opened);
      await opened.close();
    }
    const database = new DatabaseSync(logPath(folder), { returnArrays: true });
    expect(database.prepare("SELECT day, size FROM tree_heads ORDER BY turn").all()).toEqual([
      ["2026-01-02", 3],
      ["2026-01-01", 4],
    ]);
    database.close();
  });

  it("is signed by a key that its owner alone can read, and by no new one once heads are signed", async () => {
    const folder = await signedFolder(1);
    const path = join(keysPath(folder), "log.key");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).toMatch(/^PRIVATE\+KEY\+troth\/main\+/);
    rmSync(path);
    await expect(openSigned(folder)).rejects.toThrow("restore the keys folder");
  });
});

describe("a log that does not bear out what was signed", () => {
  /** The log goes back to 300 events while 340 are signed, and then goes on with others. */
  async function rewound(events: number): Promise<{ folder: string; lost: { size: number; root: string } }> {
    const folder = await signedFolder(300);
    const old = `${logPath(folder)}.old`;
    copyFileSync(logPath(folder), old);
    const opened = await openSigned(folder);
    await appendTo(opened.store, 40, "lost");
    const head = signAll(opened)!;
    await opened.close();
    removeLog(folder);
    copyFileSync(old, logPath(folder));
    if (events > 0) {
      const store = openSqliteEventStore(logPath(folder));
      await appendTo(store, events, "other");
      await store.close();
    }
    return { folder, lost: { size: head.size, root: toBase64(head.root) } };
  }

  it.each([
    ["behind", 0],
    ["as long and different", 40],
    ["longer and different", 60],
  ])("is refused a signature where it is %s", async (_, events) => {
    const { folder, lost } = await rewound(events);
    const opened = await openSigned(folder);
    expect([opened.tree.broken, opened.tree.served]).toEqual([lost, undefined]);
    await appendTo(opened.store, 100);
    expect(signAll(opened)).toBeUndefined();
    await opened.close();
    const again = await openSigned(folder);
    expect([again.tree.broken, again.tree.served]).toEqual([lost, undefined]);
    await again.close();
  });

  it.each([0, 60])("is signed again once that head was given up in the log itself (%i events later)", async (events) => {
    const { folder, lost } = await rewound(events);
    const opened = await openSigned(folder);
    await appendResumed(opened.store, { ...lost, size: lost.size + 1 });
    expect(signAll(opened)).toBeUndefined();
    await appendResumed(opened.store, lost);
    const head = signAll(opened)!;
    expect(head.size).toBe(opened.store.log.head());
    expect(equalBytes(head.root, rootOf(opened.store))).toBe(true);
    await opened.close();
    const again = await openSigned(folder);
    expect([again.tree.broken, again.tree.served?.note]).toEqual([undefined, head.note]);
    await again.close();
  });

  it("is known by the head beside the key alone, where tiles went back with the log", async () => {
    const { folder, lost } = await rewound(0);
    removeTree(folder);
    const opened = await openSigned(folder);
    expect(opened.tree.broken).toEqual(lost);
    await opened.close();
  });
});
