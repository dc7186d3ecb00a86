/**
 * Counting a log for the census against a bare scan of it with JSON.parse and SHA-256 of every leaf, and taking a census against
 * bare hashing of the very lines that came out. Rounds of each pair take turns.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { canonicalBytes } from "../../src/canonical/canonical-json.ts";
import { leafHash } from "../../src/audit/hashing.ts";
import { rootHash } from "../../src/audit/merkle.ts";
import { equalBytes } from "../../src/audit/encoding.ts";
import { noStream } from "../../src/event-store/event-store.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { CensusBook } from "../../src/transparency/census-book.ts";
import { openSqliteCensus } from "../../src/transparency/sqlite-census.ts";
import { type Figure, median, quantile } from "../measuring.ts";
import { inScratch } from "../support/ledgers.ts";

type Round = { countSeconds: number; scanSeconds: number; takeSeconds: number; hashSeconds: number };
export type CensusMeasured = {
  rounds: Round[];
  events: number;
  accounts: number;
  root: string;
  proofMs: number[];
  openMs: number;
  fileBytes: number;
  residentBytes: number;
};

const appendCount = 1_000;
const proofCount = 1_000;

/** Seeded: the same numbers give the same leaves. */
export async function measureCensus(accounts: number, eventsEach: number, roundCount: number): Promise<CensusMeasured> {
  return inScratch(async (folder) => {
    const path = join(folder, "ledger.db");
    await fill(path, accounts, accounts * eventsEach);
    const log = openSqliteLog(path);
    const rounds: Round[] = [];
    let measured: Omit<CensusMeasured, "rounds"> | undefined;
    for (let number = 0; number < roundCount; number += 1) {
      const censusPath = join(folder, `census-${number}.db`);
      const scanSeconds = seconds(() => scanned(log));
      const before = process.memoryUsage().rss;
      let residentBytes = 0;
      const noted = () => void (residentBytes = Math.max(residentBytes, process.memoryUsage().rss - before));
      const book = new CensusBook(log, openSqliteCensus(censusPath));
      book.open();
      const countSeconds = seconds(() => {
        while (book.grow() > 0) noted();
      });
      let root: Uint8Array = new Uint8Array(0);
      const takeSeconds = seconds(() => void (root = book.count().root));
      noted();
      book.close();
      const lines = linesIn(censusPath);
      const hashSeconds = seconds(() => {
        if (!equalBytes(rootHash(lines.map(leafHash)), root)) throw new Error("the lines have another root");
      });
      rounds.push({ countSeconds, scanSeconds, takeSeconds, hashSeconds });
      measured = {
        events: log.head(),
        accounts: lines.length,
        root: Buffer.from(root).toString("hex"),
        ...(number === roundCount - 1 ? await readAgain(path, censusPath) : { openMs: 0, proofMs: [] }),
        fileBytes: statSync(censusPath).size,
        residentBytes,
      };
    }
    log.close();
    return { rounds, ...measured! };
  });
}

/** Leaves of the length of a recorded contact, about accounts in an order that favours none. */
async function fill(path: string, accounts: number, events: number): Promise<void> {
  const store = openSqliteEventStore(path, { create: true });
  for (let from = 0; from < events; from += appendCount) {
    const stream = `interaction-${from}`;
    const batch = Array.from({ length: Math.min(appendCount, events - from) }, (_, revision) => {
      const number = from + revision;
      const id = `evt_${String(number).padStart(26, "0")}`;
      const account = `acc_${String((number * 7_919) % accounts).padStart(26, "0")}`;
      return { id, type: "InteractionRecorded", leaf: leafOf({ id, account, stream, revision }), ciphertext: null };
    });
    await store.append(stream, noStream, batch);
  }
  await store.close();
}

const leafOf = (own: { id: string; account: string; stream: string; revision: number }): Uint8Array =>
  canonicalBytes({
    ...own,
    v: 1,
    type: "InteractionRecorded",
    occurredAt: "2026-01-09T10:00:00.000Z",
    recordedAt: "2026-01-09T11:00:00.000Z",
    actor: { kind: "key", id: "key_0000000000000000000000001" },
    correlation: "0198f0a0-0000-4000-8000-000000000001",
    data: { account: own.account, startedAt: "2026-01-09T10:00:00.000Z", minutes: 60, kind: "visit", purpose: "relationship" },
    sealed: [{ subject: own.account, field: "note", commitment: "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" }],
  });

function scanned(log: ReturnType<typeof openSqliteLog>): void {
  for (let position = 0; position < log.head();) {
    const page = log.readAll(position, 2_048);
    for (const { leaf } of page) {
      JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8"));
      leafHash(leaf);
    }
    position = page.at(-1)!.position;
  }
}

function linesIn(path: string): Uint8Array[] {
  const database = new DatabaseSync(path, { readOnly: true });
  const rows = database.prepare("SELECT line FROM lines ORDER BY account").all() as { line: Uint8Array }[];
  database.close();
  return rows.map(({ line }) => line);
}

/** After a restart with that census on record: what opening costs, and one proof after another of accounts all over. */
async function readAgain(path: string, censusPath: string): Promise<Pick<CensusMeasured, "proofMs" | "openMs">> {
  const log = openSqliteEventStore(path);
  const counting = new CensusBook(log.log, openSqliteCensus(censusPath));
  counting.open();
  const { root, ...figures } = counting.count();
  const data = { ...figures, root: Buffer.from(root).toString("base64") };
  const leaf = canonicalBytes({ data, id: "evt_taken", revision: 0, stream: "ledger", type: "CensusTaken", v: 1 });
  await log.append("ledger", noStream, [{ id: "evt_taken", type: "CensusTaken", leaf, ciphertext: null }]);
  while (counting.grow() > 0);
  counting.close();
  const store = openSqliteCensus(censusPath);
  const book = new CensusBook(log.log, store);
  const openMs = 1_000 * seconds(() => book.open());
  const { accounts } = store.latest()!;
  const proofMs = Array.from({ length: Math.min(proofCount, accounts) }, (_, at) => {
    const account = `acc_${String((at * 6_007) % accounts).padStart(26, "0")}`;
    return 1_000 * seconds(() => void store.proofOf(account)!);
  });
  book.close();
  await log.close();
  return { openMs, proofMs };
}

function seconds(work: () => void): number {
  const before = performance.now();
  work();
  return (performance.now() - before) / 1_000;
}

export function censusFiguresOf(measured: CensusMeasured): Figure[] {
  const { rounds, events, accounts, root, proofMs, openMs, fileBytes, residentBytes } = measured;
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return [
    {
      name: "counting, ratio to a bare scan, parse and hash",
      value: of(({ scanSeconds, countSeconds }) => scanSeconds / countSeconds),
    },
    { name: "counting", value: of(({ countSeconds }) => events / countSeconds), unit: "events/s" },
    {
      name: "taking and storing, ratio to bare hashing of the lines",
      value: of(({ hashSeconds, takeSeconds }) => hashSeconds / takeSeconds),
    },
    { name: "taking and storing", value: of(({ takeSeconds }) => takeSeconds), unit: "s" },
    { name: "bare hashing of the lines", value: of(({ hashSeconds }) => hashSeconds), unit: "s" },
    { name: "proof of one account, p50", value: median(proofMs), unit: "ms" },
    { name: "proof of one account, p99", value: quantile(proofMs, 0.99), unit: "ms" },
    { name: "opening after a restart", value: openMs, unit: "ms" },
    { name: "file", value: fileBytes / accounts, unit: "bytes an account" },
    { name: "resident memory while counting and taking", value: residentBytes / 1e6, unit: "MB" },
    { name: "events", value: events },
    { name: "accounts", value: accounts },
    { name: "digest of the root", value: root.slice(0, 16) },
  ];
}
