/** A log in a file with everything that signs it, opened as often as a spec likes. */
import { join } from "node:path";
import { noStream } from "../../../src/event-store/event-store.ts";
import type { LocalEventStore } from "../../../src/event-store/log.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { headBesideKey, type KeysOfFolder, openLogKeys } from "../../../src/transparency/keys-folder.ts";
import { SignedTree } from "../../../src/transparency/signed-tree.ts";
import { openSqliteHeads } from "../../../src/transparency/sqlite-heads.ts";
import { openSqliteTiles } from "../../../src/transparency/sqlite-tiles.ts";
import type { HeadStore } from "../../../src/transparency/stores.ts";

export const logPath = (folder: string) => join(folder, "ledger.db");
export const treePath = (folder: string) => join(folder, "tree.db");
export const keysPath = (folder: string) => join(folder, "keys");

let serial = 0;

/** Appends events to a stream of their own. @param mark told in each, so that two histories differ. */
export async function appendTo(store: LocalEventStore, count: number, mark = "a"): Promise<void> {
  const stream = `account-${mark}-${process.pid}-${(serial += 1)}`;
  const events = Array.from({ length: count }, (_, index) => ({
    id: `evt_${stream}_${index}`,
    type: "AccountOpened",
    leaf: Buffer.from(JSON.stringify({ data: {}, id: `evt_${stream}_${index}`, revision: index, stream, type: "AccountOpened" })),
    ciphertext: null,
  }));
  await store.append(stream, noStream, events);
}

/** Declares that the log does not go on from a head. */
export async function appendResumed(store: LocalEventStore, lastKnownHead: { size: number; root: string }): Promise<void> {
  const revision = store.log.readStream("ledger").at(-1)?.revision ?? noStream;
  const id = `evt_resumed_${(serial += 1)}`;
  const leaf = Buffer.from(
    JSON.stringify({ data: { lastKnownHead }, id, revision: revision + 1, stream: "ledger", type: "LogResumed" }),
  );
  await store.append("ledger", revision, [{ id, type: "LogResumed", leaf, ciphertext: null }]);
}

export type Opened = { store: LocalEventStore; tree: SignedTree; keys: KeysOfFolder; heads: HeadStore[]; close(): Promise<void> };

/** @param around what a spec puts around each store of heads. */
export async function openSigned(
  folder: string,
  around: (store: HeadStore, index: number) => HeadStore = (store) => store,
  today = "2026-01-01",
): Promise<Opened> {
  const store = openSqliteEventStore(logPath(folder));
  const inLog = openSqliteHeads(logPath(folder));
  const keys = openLogKeys({
    folder: keysPath(folder),
    origin: "troth/main",
    log: store.log,
    isSigned: inLog.last() !== undefined,
    now: () => `${today}T12:00:00.000Z`,
  });
  const heads = [inLog, headBesideKey(keysPath(folder))].map(around);
  const tiles = openSqliteTiles(treePath(folder));
  const tree = new SignedTree({ log: store.log, tiles, heads, keys, today: () => today });
  await tree.open();
  return {
    store,
    tree,
    keys,
    heads,
    async close() {
      tree.close();
      await store.close();
    },
  };
}

export function growAll(tree: SignedTree): void {
  while (tree.grow() > 0);
}
