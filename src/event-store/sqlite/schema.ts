/** The file of the log: its tables, its format, and the connections to it. */
import { existsSync, fsyncSync, openSync, closeSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { damaged, primaryCodeOf } from "./sqlite-error.ts";

/** Raised when an older Troth could no longer read or append to the file. */
const formatVersion = 1;
/** `Trth` in SQLite's header, so that a file of another program is told from a log. */
const applicationId = 0x54727468;

/** How long a statement waits for another connection's transaction. */
const busyMsMax = 5_000;

const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    leaf BLOB NOT NULL,
    ciphertext TEXT,
    UNIQUE (stream, revision)
  ) STRICT;
  CREATE INDEX events_by_id ON events (id);
  INSERT INTO meta VALUES ('format', '${formatVersion}');
  PRAGMA application_id = ${applicationId};
`;

/** The file is sound, but not for this program: a log of a later format, or no log of Troth's at all. */
export class LogFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LogFormatError";
  }
}

/**
 * A connection that appends, to a file that it makes when there is none.
 *
 * @param create false: a missing or empty file is refused as damaged instead of begun anew.
 */
export function openForAppending(path: string, create: boolean): DatabaseSync {
  if (!create && !existsSync(path)) throw damaged(`there is no file ${path}`);
  return opened(new DatabaseSync(path, { timeout: busyMsMax, returnArrays: true }), (database) => {
    if (isEmpty(database)) {
      if (!create) throw damaged(`the file ${path} holds nothing`);
      createTables(database);
    }
    checkFormat(database, path);
    switchToWal(database);
    // secure_delete: what moves inside the file leaves no copy behind. No event is ever deleted, so it costs next to nothing.
    // FULL syncs the WAL at each commit; without it a power failure could take back what was acknowledged.
    // Each event dirties a page of either index at random, so a larger WAL saves writes, and its checkpoint holds up
    // one commit for longer. 32 MiB take about a third off the time of bulk loads and hold one up for some 100 ms.
    database.exec(`
      PRAGMA secure_delete = ON;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 8192;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -65536;
    `);
    syncWal(path);
  });
}

const busy = 5;
const busyRetryMs = 5;

/**
 * The first connection to a file changes its mode, and needs it for itself. Where two find it unchanged at the same moment, each
 * holds what the other waits for, and SQLite refuses one of them at once instead of letting it wait: so it tries again.
 */
function switchToWal(database: DatabaseSync): void {
  for (const until = performance.now() + busyMsMax; ;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const isBusy = primaryCodeOf(error) === busy;
      if (!isBusy || performance.now() > until) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, busyRetryMs);
    }
  }
}

/** How long a statement waits from now on for others, as a connection that appends does. */
export const waitForOthers = (database: DatabaseSync, isWaiting: boolean): void =>
  database.exec(`PRAGMA busy_timeout = ${isWaiting ? busyMsMax : 0}`);

/** A connection that can only read, to a file that exists; it needs a folder in which SQLite may keep its shared memory. */
export function openForReading(path: string): DatabaseSync {
  if (!existsSync(path)) throw damaged(`there is no file ${path}`);
  return opened(new DatabaseSync(path, { readOnly: true, timeout: busyMsMax, returnArrays: true }), (database) => {
    if (isEmpty(database)) throw damaged(`the file ${path} holds nothing`);
    checkFormat(database, path);
    database.exec("PRAGMA cache_size = -32768");
  });
}

/** The connection once `prepare` has run on it, or none left open. */
function opened(database: DatabaseSync, prepare: (database: DatabaseSync) => void): DatabaseSync {
  try {
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const numberFrom = (database: DatabaseSync, sql: string): number => (database.prepare(sql).get() as unknown as [number])[0];

const isEmpty = (database: DatabaseSync): boolean => numberFrom(database, "SELECT count(*) FROM sqlite_schema") === 0;

function createTables(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have made them while this one waited for the lock.
    if (isEmpty(database)) database.exec(tables);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function checkFormat(database: DatabaseSync, path: string): void {
  if (numberFrom(database, "PRAGMA application_id") !== applicationId)
    throw new LogFormatError(`the file ${path} is not a log of Troth's`);
  const tableCount = numberFrom(database, "SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'events', 'events_by_id')");
  if (tableCount !== 3) throw damaged(`the file ${path} lacks a table of the log`);
  const row = database.prepare("SELECT value FROM meta WHERE key = 'format'").get() as unknown as [string] | undefined;
  const version = Number(row?.[0]);
  if (!Number.isSafeInteger(version)) throw damaged(`the file ${path} does not say its format`);
  if (version > formatVersion)
    throw new LogFormatError(`the file ${path} has format ${version}; this version of Troth reads up to format ${formatVersion}`);
}

/**
 * Syncs what a killed process may have left written to the WAL but not synced. An event from there is visible, so a repeat
 * of its append would be answered as stored, and a power failure could still take it.
 *
 * The WAL may be opened beside SQLite; the file itself may not, because closing it would drop this process's POSIX locks.
 */
function syncWal(path: string): void {
  const wal = `${path}-wal`;
  if (!existsSync(wal)) return;
  const descriptor = openSync(wal, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
