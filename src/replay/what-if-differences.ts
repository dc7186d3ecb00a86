/** Differences as they are found, in a file: however many there are, none is kept in memory. */
import { DatabaseSync } from "node:sqlite";
import { preparedOn } from "../projections/statements.ts";
import {
  type Difference,
  type DifferenceKind,
  differenceKinds,
  type DifferenceOf,
  type DifferencePage,
  type DifferencePlace,
} from "./what-if.ts";

export interface DifferenceWriter {
  /** @param size of the change, not negative: the largest of a kind come first. @param move from what to what, where that is worth counting. */
  put(difference: Difference, size: number, move?: { before: string; after: string }): void;
  counted(kind: DifferenceKind): number;
  largest<Kind extends DifferenceKind>(kind: Kind, limit: number): DifferenceOf<Kind>[];
  moves(kind: DifferenceKind): { before: string; after: string; times: number }[];
  close(): void;
}

/** Nothing in it survives a crash, so nothing waits for the disk. */
export function openDifferencesForWriting(path: string): DifferenceWriter {
  const database = new DatabaseSync(path);
  database.exec(`
    PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;
    CREATE TABLE differences (number INTEGER PRIMARY KEY, kind INTEGER NOT NULL, ranked_by REAL NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE TABLE moves (kind INTEGER NOT NULL, before TEXT NOT NULL, after TEXT NOT NULL, times INTEGER NOT NULL, PRIMARY KEY (kind, before, after)) STRICT, WITHOUT ROWID;
    BEGIN`);
  const prepared = preparedOn(database);
  let isIndexed = false;
  const numberOf = (kind: DifferenceKind) => differenceKinds.indexOf(kind);
  const indexed = () => {
    if (!isIndexed) database.exec(`CREATE INDEX differences_by_size ON differences (kind, ranked_by, number)`);
    isIndexed = true;
  };
  return {
    put(difference, size, move) {
      const kind = numberOf(difference.kind);
      prepared(`INSERT INTO differences (kind, ranked_by, body) VALUES (?, ?, ?)`).run(kind, -size, JSON.stringify(difference));
      if (move === undefined) return;
      prepared(`INSERT INTO moves VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET times = times + 1`).run(
        kind,
        move.before,
        move.after,
      );
    },
    counted(kind) {
      indexed();
      return (prepared(`SELECT count(*) AS count FROM differences WHERE kind = ?`).get(numberOf(kind)) as { count: number })
        .count;
    },
    largest<Kind extends DifferenceKind>(kind: Kind, limit: number) {
      indexed();
      const sql = `SELECT body FROM differences WHERE kind = ? ORDER BY ranked_by, number LIMIT ?`;
      return (prepared(sql).all(numberOf(kind), limit) as { body: string }[]).map(
        ({ body }) => JSON.parse(body) as DifferenceOf<Kind>,
      );
    },
    moves: (kind) =>
      prepared(`SELECT before, after, times FROM moves WHERE kind = ? ORDER BY times DESC, before, after LIMIT 100`).all(
        numberOf(kind),
      ) as { before: string; after: string; times: number }[],
    close() {
      indexed();
      database.exec("COMMIT");
      database.close();
    },
  };
}

type Row = { kind: number; ranked_by: number; number: number; body: string };

/** A page of what was written and closed: kind by kind, the largest change first. */
export function readDifferences(
  path: string,
  { kind, after, limit }: { kind?: DifferenceKind | undefined; after?: DifferencePlace | undefined; limit: number },
): DifferencePage {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const [afterKind, rankedBy, number] = after ?? [-1, 0, 0];
    const kindNumber = kind === undefined ? undefined : differenceKinds.indexOf(kind);
    const [where, parameters] =
      kindNumber === undefined
        ? [`(kind, ranked_by, number) > (?, ?, ?)`, [afterKind, rankedBy, number]]
        : [
            `kind = ? AND (ranked_by, number) > (?, ?)`,
            [kindNumber, ...(after === undefined ? [-Number.MAX_VALUE, 0] : [rankedBy, number])],
          ];
    const rows = database
      .prepare(`SELECT kind, ranked_by, number, body FROM differences WHERE ${where} ORDER BY kind, ranked_by, number LIMIT ?`)
      .all(...parameters, limit + 1) as Row[];
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    return {
      items: shown.map(({ body }) => body),
      next: rows.length > limit && last !== undefined ? [last.kind, last.ranked_by, last.number] : null,
    };
  } finally {
    database.close();
  }
}
