/**
 * A node's own copy of the log: a file like that of an embedded ledger, and in it how far the copying has come. It is derived; what
 * it holds can be had from the cluster again. So a commit need not wait for the disk: a power failure takes some of the last events,
 * and they are copied once more to the same positions. A tree head is signed in the same file by a connection that does wait, and
 * with its commit everything before it is on disk: what was signed does not vanish.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type DatabaseSync } from "node:sqlite";
import { noStream, type StoredEvent, StoreUnavailableError } from "../event-store.ts";
import { type LocalEventStore, type Log } from "../log.ts";
import { checkTail } from "../sqlite/check-log.ts";
import { overwriterOf } from "../sqlite/overwriting.ts";
import { placeOf } from "../sqlite/placed-writer.ts";
import { openForAppending } from "../sqlite/schema.ts";
import { sqliteLog } from "../sqlite/sqlite-log.ts";
import { damaged, isUniqueViolation, translated } from "../sqlite/sqlite-error.ts";
import { isAfter, type Place, type ReceivedEvent } from "./cluster-event.ts";

/** The copy and the cluster can't both be right, or the cluster has lost an event. Nothing is copied after it. */
export class CopyBrokenError extends Error {
  constructor(finding: string) {
    super(finding);
    this.name = "CopyBrokenError";
  }
}

export type Copy = {
  log: Log;
  overwriting: Pick<LocalEventStore, "overwriteCiphertext" | "overwritten">;
  /** Up to here the copy holds everything that the cluster holds under the prefix; undefined before anything was heard. */
  place(): Place | undefined;
  head(): number;
  /** Of the stream's last event, or `noStream`. */
  revisionOf(stream: string): number;
  /**
   * Copies events, which come in the order of the cluster, and remembers in the same transaction how far it has come. What it has
   * already, delivered again after a connection was lost, it leaves out.
   *
   * @param passed the cluster holds nothing under the prefix between the last of these events and this place.
   * @returns what it has taken, which ends before the first revision that is missing.
   * @throws StoreUnavailableError when it has taken none.
   */
  take(events: readonly ReceivedEvent[], passed?: Place): { taken: StoredEvent[]; broken?: CopyBrokenError };
  close(): void;
};

/** Streams whose last revision is kept in memory: 10,000 cost about a megabyte. */
const knownStreamCountMax = 10_000;

const table = `
  CREATE TABLE IF NOT EXISTS copied (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    prefix TEXT NOT NULL,
    commit_position TEXT,
    prepare_position TEXT,
    passed_commit TEXT,
    passed_prepare TEXT
  ) STRICT
`;

/**
 * Opens the copy, making the file when there is none.
 *
 * @throws StoreUnavailableError for a damaged file; LogFormatError for one of a later format or of another program;
 *   CopyBrokenError for a log that is no copy of what lies under this prefix.
 */
export function openCopy(path: string, prefix: string): Copy {
  return translated(() => {
    const database = openForAppending(path, true);
    try {
      database.exec("PRAGMA synchronous = NORMAL");
      checkTail(database);
      begin(database, prefix);
      return copyIn(database, resolve(path));
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

function begin(database: DatabaseSync, prefix: string): void {
  database.exec(table);
  const row = database.prepare("SELECT prefix FROM copied").get() as unknown as [string] | undefined;
  if (row === undefined) {
    if (sqliteLog(database).head() > 0) throw new CopyBrokenError("the file holds a log that was not copied from a cluster");
    database.prepare("INSERT INTO copied (only, prefix) VALUES (1, ?)").run(prefix);
  } else if (row[0] !== prefix) {
    throw new CopyBrokenError(`the file is a copy of what lies under ${row[0]}, not under ${prefix}`);
  }
}

function copyIn(database: DatabaseSync, path: string): Copy {
  const log = sqliteLog(database);
  const file = placeOf(path);
  const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)");
  const lastRevision = database.prepare("SELECT max(revision) FROM events WHERE stream = ?");
  const putCopied = database.prepare("UPDATE copied SET commit_position = ?, prepare_position = ?");
  const putPassed = database.prepare("UPDATE copied SET passed_commit = ?, passed_prepare = ?");
  const revisions = new Map<string, number>();
  let head = log.head();
  let { copied, passed } = placesIn(database, head);

  const revisionOf = (stream: string): number =>
    revisions.get(stream) ?? (lastRevision.get(stream) as unknown as [number | null])[0] ?? noStream;
  const remember = (stream: string, revision: number): void => {
    if (!revisions.delete(stream) && revisions.size >= knownStreamCountMax) revisions.delete(revisions.keys().next().value!);
    revisions.set(stream, revision);
  };

  /** @returns what is wrong, where it stopped before the end. */
  function insertAll(events: readonly ReceivedEvent[], taken: StoredEvent[]): CopyBrokenError | undefined {
    for (const event of events) {
      const { stream, revision, id, leaf, ciphertext } = event;
      if (event.place === undefined) return new CopyBrokenError("the server does not say where its events stand");
      // A place that was only passed does not count: servers have said that they passed what they then gave.
      if (copied !== undefined && !isAfter(event.place, copied)) continue;
      // Most events begin a stream: that it is a new one the index on streams tells at no further cost.
      const isBeginning = revision === 0 && !revisions.has(stream);
      const last = isBeginning ? noStream : revisionOf(stream);
      if (revision !== last + 1) return outOfOrder(event, last);
      try {
        insert.run(head + 1, stream, revision, id, leaf, ciphertext);
      } catch (error) {
        if (isBeginning && isUniqueViolation(error)) return outOfOrder(event, revisionOf(stream));
        throw error;
      }
      head += 1;
      copied = event.place;
      remember(stream, revision);
      taken.push({ position: head, stream, revision, id, leaf, ciphertext });
    }
    return undefined;
  }

  function inTransaction(events: readonly ReceivedEvent[], passedNow: Place | undefined, taken: StoredEvent[]) {
    const before = { copied, passed, head };
    database.exec("BEGIN IMMEDIATE");
    try {
      const broken = insertAll(events, taken);
      if (broken === undefined && passedNow !== undefined) passed = laterOf(passed, passedNow);
      if (copied !== before.copied) putCopied.run(String(copied!.commit), String(copied!.prepare));
      if (passed !== before.passed) putPassed.run(String(passed!.commit), String(passed!.prepare));
      database.exec("COMMIT");
      return broken;
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      ({ copied, passed, head } = before);
      revisions.clear();
      throw error;
    }
  }

  /** SQLite would go on writing to a file that is in no folder any more. */
  function checkFile(): void {
    const now = statSync(path, { throwIfNoEntry: false });
    if (now?.ino !== file.ino || now.dev !== file.dev)
      throw new StoreUnavailableError("failed", { cause: new Error(`the file ${path} was moved or removed`) });
  }

  return {
    log,
    overwriting: overwriterOf(database, log),
    place: () => laterOf(copied, passed),
    head: () => head,
    revisionOf,
    take(events, passedNow) {
      const taken: StoredEvent[] = [];
      const broken = translated(() => {
        checkFile();
        return inTransaction(events, passedNow, taken);
      });
      return broken === undefined ? { taken } : { taken, broken };
    },
    close: () => {
      if (database.isOpen) database.close();
    },
  };
}

const outOfOrder = ({ stream, revision }: ReceivedEvent, last: number): CopyBrokenError =>
  new CopyBrokenError(`the cluster gave revision ${revision} of stream ${stream} after revision ${last}`);

const laterOf = (place: Place | undefined, other: Place | undefined): Place | undefined =>
  place === undefined || (other !== undefined && isAfter(other, place)) ? other : place;

function placesIn(database: DatabaseSync, head: number): { copied: Place | undefined; passed: Place | undefined } {
  const columns = "commit_position, prepare_position, passed_commit, passed_prepare";
  const row = database.prepare(`SELECT ${columns} FROM copied`).get() as unknown as (string | null)[];
  const place = (commit: string | null, prepare: string | null): Place | undefined =>
    commit === null || prepare === null ? undefined : { commit: BigInt(commit), prepare: BigInt(prepare) };
  const copied = place(row[0]!, row[1]!);
  if (copied === undefined && head > 0) throw damaged("the copy does not say how far it has come");
  return { copied, passed: place(row[2]!, row[3]!) };
}
