/** The log in one SQLite file: the truth where Troth runs embedded. */
import { resolve } from "node:path";
import { type DatabaseSync } from "node:sqlite";
import { followLog } from "../follow.ts";
import { type LocalEventStore } from "../log.ts";
import { News } from "../news.ts";
import type { Answer, Append } from "./append-group.ts";
import { AppendQueue } from "./append-queue.ts";
import { checkTail } from "./check-log.ts";
import { overwriterOf } from "./overwriting.ts";
import { type FilePlace, placeOf, writerInPlace } from "./placed-writer.ts";
import { openForAppending } from "./schema.ts";
import { sqliteLog } from "./sqlite-log.ts";
import { translated } from "./sqlite-error.ts";

export type SqliteEventStoreOptions = {
  /**
   * Whether a missing or empty file is begun anew (the default). False where the folder is known to hold a log: a file that
   * was cut to nothing is then refused as damaged, and not taken for a new one.
   */
  create?: boolean;
  /** How often `follow` looks for what other processes appended; its own appends it sees at once. Default 200. */
  pollMs?: number;
  /** The size beyond which the file doesn't grow and appends are refused as `full`, beside a WAL of some 32 MiB. Default: no bound. */
  fileBytesMax?: number;
  /** Where appends may be written instead, on a connection of its own. */
  elsewhere?: (path: string, place: FilePlace) => WriterElsewhere;
};

/** Writes groups of appends in another thread, so that this one need not wait for the disk. */
export type WriterElsewhere = {
  /** Takes a group, after all those that it took before; undefined where this thread had better write it, and has written all before. */
  write(group: readonly Append[]): Promise<Answer[]> | undefined;
  /** Called when every group is answered. */
  close(): Promise<void>;
};

/**
 * Opens the log, making the file when there is none, and glances at its health at a cost that doesn't grow with it.
 * Several connections, threads and processes may use one file, at the price of waiting for each other's transactions.
 *
 * @throws StoreUnavailableError when the file is damaged, can't be opened, or there is no room to make it.
 * @throws LogFormatError for a file of a later format or of another program.
 */
export function openSqliteEventStore(path: string, options: SqliteEventStoreOptions = {}): LocalEventStore {
  const { create = true, pollMs = 200, fileBytesMax, elsewhere } = options;
  return translated(() => {
    const database = openForAppending(path, create);
    try {
      if (fileBytesMax !== undefined) limitSize(database, fileBytesMax);
      checkTail(database);
      return storeOn(database, resolve(path), pollMs, elsewhere);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function storeOn(
  database: DatabaseSync,
  path: string,
  pollMs: number,
  elsewhere: SqliteEventStoreOptions["elsewhere"],
): LocalEventStore {
  const news = new News();
  const log = sqliteLog(database);
  const place = placeOf(path);
  const writeHere = writerInPlace(database, path, place);
  const there = elsewhere?.(path, place);
  const announced = (answers: Answer[]): Answer[] => {
    news.announce();
    return answers;
  };
  const queue = new AppendQueue((group) => there?.write(group)?.then(announced) ?? announced(writeHere(group)));
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await queue.close();
    await there?.close();
    database.close();
    news.announce();
  };

  return {
    log,
    ...overwriterOf(database, log),
    append: (stream, expectedRevision, events) => {
      if (events.length === 0) return Promise.reject(new RangeError("an append needs at least one event"));
      return queue.add({ stream, expectedRevision, events });
    },
    readStream: async (stream, fromRevision) => log.readStream(stream, fromRevision),
    readAll: async (afterPosition, maxCount) => log.readAll(afterPosition, maxCount),
    head: async () => log.head(),
    follow: (afterPosition, onBatch, signal) =>
      followLog(log, afterPosition, onBatch, signal, (aborted) => news.wait(aborted, pollMs)),
    close: () => (closing ??= close()),
  };
}

function limitSize(database: DatabaseSync, fileBytesMax: number): void {
  const [pageBytes] = database.prepare("PRAGMA page_size").get() as unknown as [number];
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`);
}
