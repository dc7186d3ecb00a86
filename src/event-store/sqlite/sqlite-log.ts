/** Reading the log from SQLite. */
import { type DatabaseSync } from "node:sqlite";
import { type StoredEvent } from "../event-store.ts";
import { type Log } from "../log.ts";
import { openForReading } from "./schema.ts";
import { damaged, translated } from "./sqlite-error.ts";

/** Rows come as arrays: at the size of an event that doubles the speed of a scan. */
type Row = [position: number, stream: string, revision: number, id: string, leaf: Uint8Array, ciphertext: string | null];
const columns = "position, stream, revision, id, leaf, ciphertext";

const eventIn = ([position, stream, revision, id, leaf, ciphertext]: Row): StoredEvent => ({
  position,
  stream,
  revision,
  id,
  leaf,
  ciphertext,
});

/** A log on a connection that returns arrays. What is read is checked for gaps: a missing event must not pass for none. */
export function sqliteLog(database: DatabaseSync): Log {
  const head = database.prepare("SELECT max(position) FROM events");
  const stream = database.prepare(`SELECT ${columns} FROM events WHERE stream = ? AND revision >= ? ORDER BY revision`);
  const all = database.prepare(`SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`);
  const byId = database.prepare(`SELECT ${columns} FROM events WHERE id = ? ORDER BY position LIMIT 1`);
  const listed = database.prepare(
    `SELECT ${columns} FROM events WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position`,
  );
  const rows = (found: unknown): StoredEvent[] => (found as Row[]).map(eventIn);

  return {
    head: () => translated(() => (head.get() as unknown as [number | null])[0] ?? 0),
    readStream: (name, fromRevision = 0) =>
      translated(() => {
        const events = rows(stream.all(name, fromRevision));
        if (events.length > 0 && events.at(-1)!.revision !== fromRevision + events.length - 1)
          throw damaged(`a revision of stream ${name} is missing`);
        return events;
      }),
    readAll: (afterPosition, maxCount) =>
      translated(() => {
        const events = rows(all.all(afterPosition, maxCount));
        if (events.length > 0 && events.at(-1)!.position !== afterPosition + events.length)
          throw damaged(`a position after ${afterPosition} is missing`);
        return events;
      }),
    readById: (id) =>
      translated(() => {
        const row = byId.get(id) as unknown as Row | undefined;
        return row && eventIn(row);
      }),
    readPositions: (positions) => translated(() => rows(listed.all(JSON.stringify(positions)))),
  };
}

/**
 * A read-only connection to the log that another connection, thread or process appends to.
 *
 * @throws StoreUnavailableError when the file is missing, empty or damaged.
 * @throws LogFormatError for a file of a later format or of another program.
 */
export function openSqliteLog(path: string): Log & { close(): void } {
  return translated(() => {
    const database = openForReading(path);
    return {
      ...sqliteLog(database),
      close: () => {
        if (database.isOpen) database.close();
      },
    };
  });
}
