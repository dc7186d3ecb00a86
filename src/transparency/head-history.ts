/** Every signed head that the file of a log keeps, for bundles: the last of each day, and all that a witness has seen. */
import { DatabaseSync } from "node:sqlite";
import { parseNote } from "../audit/signed-note.ts";
import { withCosignatures } from "../audit/witness.ts";
import { parseTreeHeadText } from "../audit/tree-head.ts";
import type { SignedHead } from "./stores.ts";

export interface HeadHistory {
  /** Signed last; undefined where nothing was ever signed. */
  newest(): SignedHead | undefined;
  /** The largest one that a witness has cosigned, with every cosignature. */
  cosigned(): SignedHead | undefined;
  /** Notes of all of them, one a size, with the cosignatures that they have. */
  notes(): string[];
  /** A note with whatever cosignatures there are of its head. */
  withCosignatures(note: string): string;
}

/**
 * Reads while another connection writes. Each question opens the file anew: they are rare.
 * @param maxCount of anchored heads; the log's own anchors tell of all others.
 */
export function headHistoryIn(logPath: string, maxCount = 2_000): HeadHistory {
  const asked = <Result>(question: (database: DatabaseSync) => Result): Result => {
    const database = new DatabaseSync(logPath, { readOnly: true, timeout: 5_000 });
    try {
      return question(database);
    } finally {
      database.close();
    }
  };
  const last = (database: DatabaseSync, order: string): string | undefined =>
    has(database, "tree_heads")
      ? (database.prepare(`SELECT note FROM tree_heads ORDER BY ${order} DESC LIMIT 1`).get() as { note: string } | undefined)
          ?.note
      : undefined;
  const anchored = (database: DatabaseSync, count: number): string[] =>
    has(database, "cosignatures_by_witness")
      ? (database.prepare("SELECT note FROM anchored_heads ORDER BY size DESC LIMIT ?").all(count) as { note: string }[]).map(
          ({ note }) => cosignedNote(database, note),
        )
      : [];
  return {
    newest: () => headOf(asked((database) => last(database, "turn"))),
    cosigned: () => headOf(asked((database) => anchored(database, 1)[0])),
    withCosignatures: (note) => asked((database) => cosignedNote(database, note)),
    notes: () =>
      asked((database) => {
        const daily = has(database, "tree_heads")
          ? (database.prepare("SELECT note FROM tree_heads ORDER BY turn").all() as { note: string }[]).map(({ note }) => note)
          : [];
        return [...daily.map((note) => cosignedNote(database, note)), ...anchored(database, maxCount)];
      }),
  };
}

const has = (database: DatabaseSync, name: string): boolean =>
  database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(name) !== undefined;

function cosignedNote(database: DatabaseSync, note: string): string {
  if (!has(database, "cosignatures_by_witness")) return note;
  const { size, root } = parseTreeHeadText(parseNote(note).text);
  const lines = database
    .prepare("SELECT line FROM cosignatures WHERE size = ? AND root = ? ORDER BY time, witness")
    .all(size, root);
  return lines.length === 0 ? note : withCosignatures(note, lines as { line: string }[]);
}

function headOf(note: string | undefined): SignedHead | undefined {
  if (note === undefined) return undefined;
  const { origin, size, root } = parseTreeHeadText(parseNote(note).text);
  return { origin, size, root, note };
}
