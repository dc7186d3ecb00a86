/** A log in a file with the book that counts it, opened as often as a spec likes. */
import { join } from "node:path";
import { canonicalBytes } from "../../../src/canonical/canonical-json.ts";
import { CensusCounter } from "../../../src/audit/census.ts";
import { toBase64 } from "../../../src/audit/encoding.ts";
import { leafHash } from "../../../src/audit/hashing.ts";
import { noStream, type StoredEvent } from "../../../src/event-store/event-store.ts";
import type { LocalEventStore } from "../../../src/event-store/log.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import type { CensusCount } from "../../../src/transparency/census.ts";
import { CensusBook } from "../../../src/transparency/census-book.ts";
import { type CensusStore, openSqliteCensus } from "../../../src/transparency/sqlite-census.ts";
import { logPath } from "./ledger-files.ts";

export const censusPath = (folder: string) => join(folder, "census.db");

export type OpenedCensus = { store: LocalEventStore; book: CensusBook; lines: CensusStore; close(): Promise<void> };

export function openCensus(folder: string): OpenedCensus {
  const store = openSqliteEventStore(logPath(folder));
  const lines = openSqliteCensus(censusPath(folder));
  const book = new CensusBook(store.log, lines);
  book.open();
  return {
    store,
    book,
    lines,
    async close() {
      book.close();
      await store.close();
    },
  };
}

let serial = 0;

async function append(store: LocalEventStore, stream: string, type: string, rest: object): Promise<void> {
  const revision = (store.log.readStream(stream).at(-1)?.revision ?? noStream) + 1;
  const id = `evt_${process.pid}_${(serial += 1)}`;
  const leaf = canonicalBytes({ v: 1, id, type, stream, revision, data: {}, ...rest });
  await store.append(stream, revision - 1, [{ id, type, leaf, ciphertext: null }]);
}

/** One event for each, about an account or about none. */
export async function appendAbout(store: LocalEventStore, ...accounts: (string | undefined)[]): Promise<void> {
  for (const account of accounts)
    await append(store, `interaction-${(serial += 1)}`, "InteractionRecorded", account === undefined ? {} : { account });
}

/** Many events at once, about accounts in turn. */
export async function appendMany(store: LocalEventStore, count: number, accounts: number): Promise<void> {
  const stream = `interaction-many-${(serial += 1)}`;
  const events = Array.from({ length: count }, (_, revision) => {
    const id = `evt_${stream}_${revision}`;
    const rest = { v: 1, id, type: "InteractionRecorded", stream, revision, data: {} };
    return { id, type: rest.type, leaf: canonicalBytes({ ...rest, account: `acc_${revision % accounts}` }), ciphertext: null };
  });
  await store.append(stream, noStream, events);
}

export const appendAnchored = (store: LocalEventStore): Promise<void> => append(store, "ledger", "TreeHeadAnchored", {});

export const appendCensus = (store: LocalEventStore, { treeSize, accounts, root }: CensusCount): Promise<void> =>
  append(store, "ledger", "CensusTaken", { data: { treeSize, accounts, root: toBase64(root) } });

export function countAll(book: CensusBook): void {
  while (book.grow() > 0);
}

/** As a server does it: counted, put on record, counted on. */
export async function takeCensus({ store, book }: OpenedCensus): Promise<CensusCount> {
  countAll(book);
  const count = book.count();
  if (censusesIn(store).every(({ treeSize }) => treeSize < count.treeSize)) await appendCensus(store, count);
  countAll(book);
  return count;
}

type TakenCensus = { treeSize: number; accounts: number; root: string };

export const censusesIn = (store: LocalEventStore): TakenCensus[] =>
  store.log.readStream("ledger").flatMap((event) => {
    const { type, data } = envelopeOf(event);
    return type === "CensusTaken" ? [data as TakenCensus] : [];
  });

const envelopeOf = ({ leaf }: StoredEvent) =>
  JSON.parse(Buffer.from(leaf).toString("utf8")) as { type: string; account?: string; data: unknown };

/** The definition, from the first leaf on: what any auditor with the log would find. */
export function recount(store: LocalEventStore, treeSize: number): TakenCensus {
  const counter = new CensusCounter();
  for (const event of store.log.readAll(0, treeSize)) {
    const { account } = envelopeOf(event);
    if (account !== undefined) counter.add(account, leafHash(event.leaf));
  }
  const census = counter.census();
  return { treeSize, accounts: census.accounts, root: toBase64(census.root) };
}

/** Leaf hashes of an account, in log order. */
export const hashesOf = (store: LocalEventStore, account: string, treeSize: number): Uint8Array[] =>
  store.log
    .readAll(0, treeSize)
    .filter((event) => envelopeOf(event).account === account)
    .map(({ leaf }) => leafHash(leaf));
