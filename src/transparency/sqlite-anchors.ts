/** Anchored heads in the file of the log, in tables of their own: whoever restores one restores the other. */
import { DatabaseSync } from "node:sqlite";
import type { AnchoredHead, AnchorStore, KeptCosignature, SignedHead } from "./stores.ts";

const tables = `
  CREATE TABLE IF NOT EXISTS anchored_heads (
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    origin TEXT NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (size, root)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS cosignatures (
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    witness TEXT NOT NULL,
    time INTEGER NOT NULL,
    line TEXT NOT NULL,
    is_recorded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (size, root, witness)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS unrecorded_cosignatures ON cosignatures (size) WHERE is_recorded = 0;
  CREATE INDEX IF NOT EXISTS cosignatures_by_witness ON cosignatures (witness, size);
`;

type HeadRow = { size: number; root: Uint8Array; origin: string; note: string };
type CosignatureRow = KeptCosignature & { size: number; root: Uint8Array };

const headOf = ({ origin, size, root, note }: HeadRow): SignedHead => ({ origin, size, root: new Uint8Array(root), note });
const cosignatureOf = ({ witness, line, time }: KeptCosignature): KeptCosignature => ({ witness, line, time });

/** A connection of its own to a file that exists. */
export function openSqliteAnchors(logPath: string): AnchorStore {
  const database = new DatabaseSync(logPath, { timeout: 5_000 });
  try {
    // Folding the WAL back is the business of the connection that appends.
    database.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -256");
    if (!holdsAnchors(database)) database.exec(tables);
    return anchorsIn(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Whether any head of the file was ever offered to a witness. */
export const holdsAnchors = (database: DatabaseSync): boolean =>
  database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'cosignatures_by_witness'").get() !== undefined;

function anchorsIn(database: DatabaseSync): AnchorStore {
  const putHead = database.prepare("INSERT INTO anchored_heads VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const put = database.prepare(
    "INSERT INTO cosignatures (size, root, witness, time, line) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const unrecorded = database.prepare(
    "SELECT * FROM cosignatures JOIN anchored_heads USING (size, root) WHERE is_recorded = 0 ORDER BY size",
  );
  const setRecorded = database.prepare("UPDATE cosignatures SET is_recorded = 1 WHERE size = ? AND root = ? AND witness = ?");
  const ofHead = database.prepare("SELECT * FROM cosignatures WHERE size = ? AND root = ? ORDER BY time, witness");
  const latest = database.prepare("SELECT * FROM anchored_heads ORDER BY size DESC LIMIT ?");
  const lastOf = database.prepare("SELECT size, time FROM cosignatures WHERE witness = ? ORDER BY size DESC LIMIT 1");
  const cosignaturesOf = (size: number, root: Uint8Array) => (ofHead.all(size, root) as CosignatureRow[]).map(cosignatureOf);
  return {
    keep({ origin, size, root, note }, { witness, line, time }) {
      database.exec("BEGIN IMMEDIATE");
      try {
        putHead.run(size, root, origin, note);
        put.run(size, root, witness, time, line);
        database.exec("COMMIT");
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    unrecorded: () =>
      (unrecorded.all() as (HeadRow & CosignatureRow)[]).map((row) => ({ head: headOf(row), cosignature: cosignatureOf(row) })),
    recorded: ({ size, root }, witness) => void setRecorded.run(size, root, witness),
    cosignaturesOf: ({ size, root }) => cosignaturesOf(size, root),
    latest: (maxCount) =>
      (latest.all(maxCount) as HeadRow[]).map((row): AnchoredHead => ({
        ...headOf(row),
        cosignatures: cosignaturesOf(row.size, row.root),
      })),
    lastOf: (witness) => lastOf.get(witness) as { size: number; time: number } | undefined,
    close: () => database.close(),
  };
}
