/** The read side of `views.db`: what queries and the keeper see of the projections. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { preparedOn } from "./statements.ts";

export type Row = Record<string, unknown>;

export interface Views {
  /** All rows of a read-only statement. */
  all<Result = Row>(sql: string, parameters?: readonly SQLInputValue[]): Result[];
  /** The first row, if there is one. */
  get<Result = Row>(sql: string, parameters?: readonly SQLInputValue[]): Result | undefined;
  iterate<Result = Row>(sql: string, parameters?: readonly SQLInputValue[]): Iterable<Result>;
  /** Runs reads that must see the tables at one and the same position. Not to be nested, and nothing in it may wait. */
  snapshot<Result>(read: () => Result): Result;
  /** The position up to which every projection has been applied. */
  position(): number;
}

/** Prepares each statement once. */
export function viewsOf(database: DatabaseSync): Views {
  const prepared = preparedOn(database);
  return {
    all: <Result>(sql: string, parameters: readonly SQLInputValue[] = []) => prepared(sql).all(...parameters) as Result[],
    get: <Result>(sql: string, parameters: readonly SQLInputValue[] = []) =>
      prepared(sql).get(...parameters) as Result | undefined,
    iterate: <Result>(sql: string, parameters: readonly SQLInputValue[] = []) =>
      prepared(sql).iterate(...parameters) as unknown as Iterable<Result>,
    snapshot(read) {
      database.exec("BEGIN");
      try {
        return read();
      } finally {
        database.exec("COMMIT");
      }
    },
    position: () => (prepared("SELECT position FROM progress").get() as { position: number } | undefined)?.position ?? 0,
  };
}
