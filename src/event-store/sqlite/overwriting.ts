/**
 * Overwriting ciphertext where it lies. Each text keeps its length, because SQLite then writes over the very bytes of the row, on
 * whatever pages they lie. Of a row that shrinks the rest would be left to `secure_delete`, and others would move into its place.
 */
import { type DatabaseSync } from "node:sqlite";
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { StoreUnavailableError } from "../event-store.ts";
import { filledUp, type LocalEventStore, type Log } from "../log.ts";
import { waitForOthers } from "./schema.ts";
import { translated } from "./sqlite-error.ts";

/** Events looked at in one step: a few milliseconds, in which nothing is appended. */
const stepCount = 1_000;
/** How long readers of an earlier state, such as a backup, are waited for. */
const emptyWalMsMax = 30_000;
const emptyWalRetryMs = 20;

/** Beside the events, as the tree heads are: whoever restores one restores the other. */
const table = "CREATE TABLE IF NOT EXISTS overwritten (mark TEXT PRIMARY KEY) STRICT, WITHOUT ROWID";

export function overwriterOf(database: DatabaseSync, log: Log): Pick<LocalEventStore, "overwriteCiphertext" | "overwritten"> {
  const put = database.prepare("UPDATE events SET ciphertext = ? WHERE position = ?");

  return {
    async overwriteCiphertext(marks, replacement) {
      const head = translated(() => log.head());
      for (let position = 0; position < head; position += stepCount) {
        const changed = log.readAll(position, stepCount).flatMap((event) => {
          const text = event.ciphertext === null ? undefined : replacement(event);
          if (text === undefined) return [];
          const filled = filledUp(text, event.ciphertext!);
          return filled === event.ciphertext ? [] : [{ position: event.position, filled }];
        });
        if (changed.length > 0)
          inTransaction(database, () => {
            for (const one of changed) put.run(one.filled, one.position);
          });
        await setImmediate();
      }
      // The write-ahead log still holds the pages as they were.
      await emptyWal(database);
      inTransaction(database, () => {
        database.exec(table);
        const mark = database.prepare("INSERT OR IGNORE INTO overwritten VALUES (?)");
        for (const one of marks) mark.run(one);
      });
    },

    overwritten: () =>
      translated(() => {
        if (database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'overwritten'").get() === undefined) return [];
        return (database.prepare("SELECT mark FROM overwritten ORDER BY mark").all() as unknown as [string][]).map(
          ([mark]) => mark,
        );
      }),
  };
}

function inTransaction(database: DatabaseSync, work: () => void): void {
  translated(() => {
    database.exec("BEGIN IMMEDIATE");
    try {
      work();
      database.exec("COMMIT");
    } catch (error) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  });
}

/** Folds the write-ahead log back and cuts it to nothing. @throws StoreUnavailableError when readers don't let go of it. */
async function emptyWal(database: DatabaseSync): Promise<void> {
  for (const until = Date.now() + emptyWalMsMax; !cutToNothing(database); await delay(emptyWalRetryMs))
    if (Date.now() > until)
      throw new StoreUnavailableError("failed", { cause: new Error("a reader keeps the write-ahead log from being emptied") });
}

/** Does not wait for anybody: this thread has appends to take. */
function cutToNothing(database: DatabaseSync): boolean {
  return translated(() => {
    waitForOthers(database, false);
    try {
      const [busy] = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as unknown as [number];
      return busy === 0;
    } finally {
      waitForOthers(database, true);
    }
  });
}
