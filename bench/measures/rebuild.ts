/** Building all views anew against a bare scan of the log, JSON.parse of every leaf and insertion of the very rows that came out. */
import { closeSync, fsyncSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import { openForReading } from "../../src/event-store/sqlite/schema.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { openForBuilding, openViewsForReading } from "../../src/projections/database.ts";
import { viewsDigest } from "../../src/projections/dump.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import { viewsOf } from "../../src/projections/views.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { digestOf } from "../support/facts.ts";
import { inScratch } from "../support/ledgers.ts";

type Round = {
  rebuildSeconds: number;
  scanSeconds: number;
  /** With the indexes in place, and with the indexes made when all rows are there. */
  insertSeconds: number;
  insertThenIndexSeconds: number;
};
export type Rebuild = { rounds: Round[]; events: number; rows: number; digest: string };

/** Events of one read, and rows of one transaction. */
const pageCount = 5_000;

/** @param folder a ledger; it stays as it is. */
export async function measureRebuild(folder: string, roundCount: number): Promise<Rebuild> {
  const path = ledgerPath(folder);
  const log = openSqliteLog(path);
  const rounds: Round[] = [];
  let [rows, digest] = [0, ""];
  for (let number = 0; number < roundCount; number += 1) {
    await inScratch(async (scratch) => {
      const rebuilt = await timed(() => rebuildViews(scratch, log, projections));
      const scanSeconds = scanned(path);
      const bare = insertedBare(rebuilt.result.path, join(scratch, "bare.db"), "first");
      const { seconds } = insertedBare(rebuilt.result.path, join(scratch, "bare-2.db"), "last");
      rounds.push({ rebuildSeconds: rebuilt.seconds, scanSeconds, insertSeconds: bare.seconds, insertThenIndexSeconds: seconds });
      [rows, digest] = [bare.rows, verdictsDigest(rebuilt.result.path)];
      if (number === 0 && digestIn(rebuilt.result.path) !== digestIn(join(scratch, "bare.db")))
        throw new Error("the two files hold different rows");
    });
  }
  const events = log.head();
  log.close();
  return { rounds, events, rows, digest };
}

/** @returns how long reading and parsing every leaf takes. */
function scanned(path: string): number {
  const database = openForReading(path);
  const page = database.prepare("SELECT position, leaf FROM events WHERE position > ? ORDER BY position LIMIT ?");
  const before = performance.now();
  let position = 0;
  for (;;) {
    const rows = page.all(position, pageCount) as unknown as [number, Uint8Array][];
    if (rows.length === 0) break;
    for (const [, leaf] of rows) JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8"));
    position = rows.at(-1)![0];
  }
  const seconds = (performance.now() - before) / 1_000;
  database.close();
  return seconds;
}

/** Inserts the rows of one file into another with the same tables, in order of their keys; reading them costs the measured time nothing. */
function insertedBare(from: string, to: string, indexes: "first" | "last"): { seconds: number; rows: number } {
  const source = new DatabaseSync(from, { readOnly: true, returnArrays: true });
  const target = openForBuilding(to, projections);
  let [ms, rows] = [0, 0];
  const measured = (work: () => void): void => {
    const before = performance.now();
    work();
    ms += performance.now() - before;
  };
  const makeIndexes = (): void => {
    const found = source.prepare("SELECT sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all();
    for (const [sql] of found as unknown as [string][]) target.exec(sql.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"));
  };
  if (indexes === "first") measured(makeIndexes);
  const tables = source
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('progress') AND name NOT LIKE 'sqlite_%'")
    .all() as unknown as [string][];
  for (const [table] of tables) {
    const columnCount = source.prepare(`SELECT * FROM ${table}`).columns().length;
    const insert = target.prepare(`INSERT INTO ${table} VALUES (${Array(columnCount).fill("?").join(", ")})`);
    const write = (page: readonly SQLInputValue[][]): void => {
      target.exec("BEGIN IMMEDIATE");
      for (const row of page) insert.run(...row);
      target.exec("COMMIT");
      rows += page.length;
    };
    let page: SQLInputValue[][] = [];
    for (const row of source.prepare(`SELECT * FROM ${table}`).iterate() as unknown as Iterable<SQLInputValue[]>) {
      page.push(row);
      if (page.length < pageCount) continue;
      measured(() => write(page));
      page = [];
    }
    measured(() => write(page));
  }
  measured(makeIndexes);
  source.close();
  measured(() => {
    target.close();
    const file = openSync(to, "r+");
    fsyncSync(file);
    closeSync(file);
  });
  return { seconds: ms / 1_000, rows };
}

function digestIn(path: string): string {
  const database = openViewsForReading(path);
  try {
    return viewsDigest(viewsOf(database), projections);
  } finally {
    database.close();
  }
}

type Settled = { promise: string; occurrence: number; verdict: string | null; at: string | null; credit: number | null };

/** What every run over the same portfolio must come to, whenever it was recorded and whatever its random ids. */
function verdictsDigest(path: string): string {
  const database = openViewsForReading(path);
  const rows = viewsOf(database).iterate<Settled>(
    "SELECT promise, occurrence, verdict, at, credit FROM occurrences ORDER BY promise, occurrence",
  );
  try {
    return digestOf(linesOf(rows));
  } finally {
    database.close();
  }
}

function* linesOf(rows: Iterable<Settled>): Generator<string> {
  for (const { promise, occurrence, verdict, at, credit } of rows)
    yield JSON.stringify([promise, occurrence, verdict, at, credit]);
}

export function rebuildFigures({ rounds, events, rows, digest }: Rebuild): Figure[] {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return [
    {
      name: "ratio",
      value: of(({ scanSeconds, insertSeconds, rebuildSeconds }) => (scanSeconds + insertSeconds) / rebuildSeconds),
      target: "≥ 0.5",
    },
    {
      name: "ratio to bare insertion with the indexes made last",
      value: of(
        ({ scanSeconds, insertThenIndexSeconds, rebuildSeconds }) => (scanSeconds + insertThenIndexSeconds) / rebuildSeconds,
      ),
    },
    { name: "rebuild", value: of(({ rebuildSeconds }) => events / rebuildSeconds), unit: "events/s" },
    { name: "rebuild", value: of(({ rebuildSeconds }) => rebuildSeconds), unit: "s" },
    { name: "bare scan and parse", value: of(({ scanSeconds }) => scanSeconds), unit: "s" },
    { name: "bare insertion", value: of(({ insertSeconds }) => insertSeconds), unit: "s" },
    { name: "bare insertion, indexes last", value: of(({ insertThenIndexSeconds }) => insertThenIndexSeconds), unit: "s" },
    { name: "events", value: events },
    { name: "rows", value: rows },
    { name: "digest of the verdicts", value: digest },
  ];
}
