/** Signed heads in the file of the log, in a table of their own: whoever restores one restores the other. */
import { DatabaseSync } from "node:sqlite";
import type { HeadStore } from "./stores.ts";

/** One a day: the last that was signed on it. `turn` says which came last, whatever the clock did. */
const table = `
  CREATE TABLE IF NOT EXISTS tree_heads (
    day TEXT PRIMARY KEY,
    turn INTEGER NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note TEXT NOT NULL
  ) STRICT
`;

/** A connection of its own to a file that exists; each head is one short transaction, which waits its turn among the appends. */
export function openSqliteHeads(logPath: string): HeadStore {
  const database = new DatabaseSync(logPath, { timeout: 5_000 });
  try {
    // Folding the WAL back is the business of the connection that appends.
    database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -256");
    const known = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'tree_heads'").get();
    if (known === undefined) database.exec(table);
    const last = database.prepare("SELECT note FROM tree_heads ORDER BY turn DESC LIMIT 1");
    const keep = database.prepare(
      `INSERT INTO tree_heads SELECT ?, coalesce(max(turn), 0) + 1, ?, ?, ? FROM tree_heads WHERE true
       ON CONFLICT (day) DO UPDATE SET turn = excluded.turn, size = excluded.size, root = excluded.root, note = excluded.note`,
    );
    return {
      last: () => (last.get() as { note: string } | undefined)?.note,
      keep: ({ size, root, note }, day) => void keep.run(day, size, root, note),
      close: () => database.close(),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}
