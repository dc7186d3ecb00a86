/**
 * Tiles in a file of their own. A process that is killed, and a machine that falls, leave it whole at this size or an earlier
 * one: it is then grown on from there.
 */
import { rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { TileReader } from "../audit/tile-proofs.ts";
import type { TileStore } from "./stores.ts";

const formatVersion = 1;
const hashBytes = 32;
/** More than there are levels of tiles. */
const placesPerIndex = 8;

const tables = `
  CREATE TABLE tree (format INTEGER NOT NULL, size INTEGER NOT NULL) STRICT;
  CREATE TABLE tiles (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
  INSERT INTO tree VALUES (${formatVersion}, 0);
`;

/** Opens the file for growing the tree; one that is damaged or of another format is begun anew. */
export function openSqliteTiles(path: string): TileStore {
  try {
    return tilesIn(path);
  } catch {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
    return tilesIn(path);
  }
}

function tilesIn(path: string): TileStore {
  const database = opened(path);
  const sizeRow = database.prepare("SELECT size FROM tree");
  const setSize = database.prepare("UPDATE tree SET size = ?");
  const put = database.prepare("INSERT INTO tiles VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET bytes = excluded.bytes");
  const inTransaction = (work: () => void): void => {
    database.exec("BEGIN IMMEDIATE");
    try {
      work();
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  };
  return {
    size: () => (sizeRow.get() as { size: number }).size,
    readTile: readerOf(database),
    write(size, tiles) {
      inTransaction(() => {
        for (const { level, index, bytes } of tiles) put.run(placeOf(level, index), bytes);
        setSize.run(size);
      });
    },
    clear() {
      inTransaction(() => {
        database.exec("DELETE FROM tiles");
        setSize.run(0);
      });
    },
    close: () => database.close(),
  };
}

function opened(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    // NORMAL waits for the disk only when the WAL is folded back, and keeps the file whole all the same.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192");
    const { tables: count } = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
    if (count === 0) database.exec(`BEGIN IMMEDIATE; ${tables} COMMIT`);
    const { format } = database.prepare("SELECT format FROM tree").get() as { format: number };
    if (format !== formatVersion) throw new Error(`tiles of format ${format} are not read here`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const placeOf = (level: number, index: number): number => index * placesPerIndex + level;

function readerOf(database: DatabaseSync): TileReader {
  const row = database.prepare("SELECT bytes FROM tiles WHERE place = ?");
  return (level, index, width) => {
    const found = row.get(placeOf(level, index)) as { bytes: Uint8Array } | undefined;
    return found === undefined ? new Uint8Array(0) : found.bytes.subarray(0, width * hashBytes);
  };
}

/** Reads tiles that another connection grows. */
export function openTileReader(path: string): { readTile: TileReader; close(): void } {
  const database = new DatabaseSync(path, { readOnly: true, timeout: 5_000 });
  return { readTile: readerOf(database), close: () => database.close() };
}
