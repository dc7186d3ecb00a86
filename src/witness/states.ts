/** Where a witness keeps the last head of each log that it cosigned. Whoever loses this file must never sign with its key again. */
import { DatabaseSync } from "node:sqlite";
import type { WitnessState, WitnessStore } from "../audit/witness.ts";

/** As a witness's operator sees it. */
export interface WitnessStates extends WitnessStore {
  list(): { origin: string; state: WitnessState }[];

  /**
   * Forgets what was cosigned for a log, so that it may begin anew; the last head is kept aside as evidence.
   * @returns that head; undefined where nothing was cosigned.
   */
  forget(origin: string): WitnessState | undefined;

  close(): void;
}

const tables = `
  CREATE TABLE IF NOT EXISTS heads (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS forgotten (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL) STRICT;
`;

/** Several processes may use one file: replacing a state is one statement, which compares and stores, and is on disk when it returns. */
export function openWitnessStates(path: string): WitnessStates {
  const database = new DatabaseSync(path, { timeout: 5_000 });
  try {
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    database.exec(tables);
    return statesIn(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

type Row = { origin: string; size: number; root: Uint8Array; note: string };
const stateOf = ({ size, root, note }: Row): WitnessState => ({ size, root: new Uint8Array(root), note });

function statesIn(database: DatabaseSync): WitnessStates {
  const row = database.prepare("SELECT * FROM heads WHERE origin = ?");
  const insert = database.prepare("INSERT INTO heads VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO NOTHING");
  const update = database.prepare("UPDATE heads SET size = ?, root = ?, note = ? WHERE origin = ? AND size = ? AND root = ?");
  const all = database.prepare("SELECT * FROM heads ORDER BY origin");
  const keepAside = database.prepare("INSERT INTO forgotten SELECT * FROM heads WHERE origin = ?");
  const remove = database.prepare("DELETE FROM heads WHERE origin = ? RETURNING *");
  return {
    async read(origin) {
      const found = row.get(origin) as Row | undefined;
      return found === undefined ? undefined : stateOf(found);
    },
    async replace(origin, expected, { size, root, note }) {
      const { changes } =
        expected === undefined
          ? insert.run(origin, size, root, note)
          : update.run(size, root, note, origin, expected.size, expected.root);
      return changes === 1;
    },
    list: () => (all.all() as Row[]).map((found) => ({ origin: found.origin, state: stateOf(found) })),
    forget(origin) {
      database.exec("BEGIN IMMEDIATE");
      try {
        keepAside.run(origin);
        const [found] = remove.all(origin) as Row[];
        database.exec("COMMIT");
        return found === undefined ? undefined : stateOf(found);
      } catch (error) {
        if (database.isTransaction) database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/** For witnesses in memory, in tests. */
export function memoryWitnessStates(): WitnessStates {
  const states = new Map<string, WitnessState>();
  const isSame = (a: WitnessState | undefined, b: WitnessState | undefined) =>
    a?.size === b?.size && Buffer.compare(a?.root ?? new Uint8Array(), b?.root ?? new Uint8Array()) === 0;
  return {
    read: async (origin) => states.get(origin),
    async replace(origin, expected, next) {
      if (!isSame(states.get(origin), expected)) return false;
      states.set(origin, next);
      return true;
    },
    list: () => [...states].map(([origin, state]) => ({ origin, state })),
    forget(origin) {
      const state = states.get(origin);
      states.delete(origin);
      return state;
    },
    close: () => undefined,
  };
}
