/**
 * What is counted for the census, in a file of its own: a compact range an account, and the lines of the last census. Derived
 * from the log: a process that is killed, and a machine that falls, leave it whole at an earlier size.
 */
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { encodeCensusLine, verifyCensusProof } from "../audit/census.ts";
import { CompactRange } from "../audit/compact-range.ts";
import { concatBytes } from "../audit/encoding.ts";
import { hashBytes, leafHash } from "../audit/hashing.ts";
import { growTiles } from "../audit/tile-growth.ts";
import { inclusionProofFromTiles, rootFromTiles, type TileReader } from "../audit/tile-proofs.ts";
import type { CensusCount, CensusReader, RecordedCensus } from "./census.ts";

const formatVersion = 1;
/** More than there are levels of tiles. */
const placesPerIndex = 8;
/** Lines hashed and stored in one go. */
const linesPerStep = 2_048;

const tables = `
  CREATE TABLE progress (
    format INTEGER NOT NULL, size INTEGER NOT NULL, changed_at INTEGER NOT NULL, last_hash BLOB NOT NULL
  ) STRICT;
  CREATE TABLE counts (account TEXT PRIMARY KEY, events INTEGER NOT NULL, hashes BLOB NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE censuses (
    tree_size INTEGER PRIMARY KEY, accounts INTEGER NOT NULL, root BLOB NOT NULL, position INTEGER, event TEXT
  ) STRICT;
  CREATE TABLE lines (
    tree_size INTEGER NOT NULL, account TEXT NOT NULL, place INTEGER NOT NULL, line BLOB NOT NULL,
    PRIMARY KEY (tree_size, account)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tiles (
    tree_size INTEGER NOT NULL, place INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (tree_size, place)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO progress VALUES (${formatVersion}, 0, 0, x'');
`;

export type CensusProgress = {
  /** Leaves counted. */
  size: number;
  /** How many leaves there were up to the last one that calls for a new census. */
  changedAt: number;
  /** Of the last leaf counted, so that another log is told from this one. */
  lastHash: Uint8Array;
};

/** What is counted, and the lines that are kept. */
export interface CensusStore extends CensusReader {
  progress(): CensusProgress;

  /** What was counted of an account so far, to be grown; a new range for one without events. */
  rangeOf(account: string): CompactRange;

  /** All or nothing. */
  write(progress: CensusProgress, ranges: ReadonlyMap<string, CompactRange>): void;

  /** Keeps the lines as they are now, in place of those that were kept and never put on record. One pass over all accounts. */
  freeze(): CensusCount;

  /** Lines that are kept: those of the last census on record, and of one that is not. */
  frozen(): (CensusCount & { position: number | null })[];

  /** Kept lines are those of a census in the log; all others are dropped. */
  record(census: Pick<RecordedCensus, "treeSize" | "position" | "event">): void;

  /** Drops all lines; counts stay. */
  forget(): void;

  /** Begins anew with nothing counted. */
  clear(): void;

  close(): void;
}

/** Opens the file for counting; one that is damaged or of another format is begun anew. `:memory:` keeps nothing. */
export function openSqliteCensus(path: string): CensusStore {
  try {
    return storeIn(opened(path));
  } catch {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    return storeIn(opened(path));
  }
}

function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    // NORMAL waits for the disk only when the WAL is folded back, and keeps the file whole all the same.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192");
    database.exec("PRAGMA journal_size_limit = 16777216");
    const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get() as { count: number };
    if (count === 0) database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`);
    const { format } = database.prepare("SELECT format FROM progress").get() as { format: number };
    if (format !== formatVersion) throw new Error(`counts of format ${format} are not read here`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function storeIn(database: DatabaseSync): CensusStore {
  const progress = database.prepare("SELECT size, changed_at AS changedAt, last_hash AS lastHash FROM progress");
  const advance = database.prepare("UPDATE progress SET size = ?, changed_at = ?, last_hash = ?");
  const count = database.prepare("SELECT events, hashes FROM counts WHERE account = ?");
  const putCount = database.prepare(
    `INSERT INTO counts VALUES (?, ?, ?)
     ON CONFLICT (account) DO UPDATE SET events = excluded.events, hashes = excluded.hashes`,
  );
  const frozen = database.prepare("SELECT tree_size AS treeSize, accounts, root, position FROM censuses ORDER BY tree_size");
  const record = database.prepare("UPDATE censuses SET position = ?, event = ? WHERE tree_size = ?");
  const drop = (which: string, ...parameters: number[]): void => {
    for (const table of ["lines", "tiles"])
      database
        .prepare(`DELETE FROM ${table} WHERE tree_size IN (SELECT tree_size FROM censuses WHERE ${which})`)
        .run(...parameters);
    database.prepare(`DELETE FROM censuses WHERE ${which}`).run(...parameters);
  };
  const inTransaction = <Result>(work: () => Result): Result => {
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      database.exec("COMMIT");
      return result;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
  return {
    ...readerIn(database),
    progress: () => ({ ...(progress.get() as CensusProgress) }),
    rangeOf(account) {
      const row = count.get(account) as CountRow | undefined;
      return row === undefined ? new CompactRange() : rangeIn(row);
    },
    write({ size, changedAt, lastHash }, ranges) {
      inTransaction(() => {
        for (const [account, range] of ranges) putCount.run(account, range.end, concatBytes(...range.hashes));
        advance.run(size, changedAt, lastHash);
      });
    },
    freeze: () =>
      inTransaction(() => {
        const { size } = progress.get() as CensusProgress;
        drop("position IS NULL OR tree_size = ?", size);
        return frozenAt(database, size);
      }),
    frozen: () => frozen.all() as (CensusCount & { position: number | null })[],
    record: ({ treeSize, position, event }) =>
      inTransaction(() => {
        drop("tree_size <> ?", treeSize);
        record.run(position, event, treeSize);
      }),
    forget: () => inTransaction(() => drop("true")),
    clear() {
      inTransaction(() => {
        drop("true");
        database.exec("DELETE FROM counts");
        advance.run(0, 0, new Uint8Array(0));
      });
    },
    close: () => database.close(),
  };
}

type CountRow = { events: number; hashes: Uint8Array };

const rangeIn = ({ events, hashes }: CountRow): CompactRange =>
  CompactRange.of(
    0,
    events,
    Array.from({ length: hashes.length / hashBytes }, (_, at) => hashes.slice(at * hashBytes, (at + 1) * hashBytes)),
  );

/** Writes the lines of all accounts and the tree over them. Account ids are ASCII, so the order of bytes is that of code units. */
function frozenAt(database: DatabaseSync, treeSize: number): CensusCount {
  const counts = database.prepare("SELECT account, events, hashes FROM counts ORDER BY account");
  const putLine = database.prepare("INSERT INTO lines VALUES (?, ?, ?, ?)");
  const putTile = database.prepare("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?)");
  const readTile = tileReader(database, treeSize);
  let accounts = 0;
  let hashes: Uint8Array[] = [];
  const grow = (): void => {
    for (const { level, index, bytes } of growTiles(readTile, accounts - hashes.length, hashes))
      putTile.run(treeSize, placeOf(level, index), bytes);
    hashes = [];
  };
  for (const { account, ...row } of counts.iterate() as Iterable<CountRow & { account: string }>) {
    const line = encodeCensusLine({ account, events: row.events, root: rangeIn(row).root() });
    putLine.run(treeSize, account, accounts, line);
    hashes.push(leafHash(line));
    accounts += 1;
    if (hashes.length === linesPerStep) grow();
  }
  grow();
  const root = rootFromTiles(readTile, accounts);
  database.prepare("INSERT INTO censuses VALUES (?, ?, ?, NULL, NULL)").run(treeSize, accounts, root);
  return { treeSize, accounts, root };
}

const placeOf = (level: number, index: number): number => index * placesPerIndex + level;

function tileReader(database: DatabaseSync, treeSize: number): TileReader {
  const row = database.prepare("SELECT bytes FROM tiles WHERE tree_size = ? AND place = ?");
  return (level, index, width) => {
    const found = row.get(treeSize, placeOf(level, index)) as { bytes: Uint8Array } | undefined;
    return found === undefined ? new Uint8Array(0) : found.bytes.subarray(0, width * hashBytes);
  };
}

/** Reads the lines that another connection keeps. */
export function openCensusReader(path: string): CensusReader & { close(): void } {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  return { ...readerIn(database), close: () => database.close() };
}

function readerIn(database: DatabaseSync): CensusReader {
  const census = database.prepare(
    "SELECT tree_size AS treeSize, accounts, root, position, event FROM censuses WHERE position IS NOT NULL",
  );
  const lineOf = database.prepare("SELECT place, line FROM lines WHERE tree_size = ? AND account = ?");
  const latest = (): RecordedCensus | undefined => {
    const found = census.get() as RecordedCensus | undefined;
    return found === undefined ? undefined : { ...found };
  };
  const proofOf: CensusReader["proofOf"] = (account) => {
    const recorded = latest();
    if (recorded === undefined) return undefined;
    const { treeSize, accounts } = recorded;
    const found = lineOf.get(treeSize, account) as { place: number; line: Uint8Array } | undefined;
    if (found === undefined) return undefined;
    const proof = inclusionProofFromTiles(tileReader(database, treeSize), found.place, accounts);
    const proved = { line: found.line, index: found.place, accounts, proof };
    verifyCensusProof(proved, recorded);
    return { ...proved, census: recorded };
  };
  return {
    latest,
    proofOf(account) {
      // One state of the file for all that is read: the next census may be put on record meanwhile.
      database.exec("BEGIN");
      try {
        return proofOf(account);
      } finally {
        database.exec("COMMIT");
      }
    },
  };
}
