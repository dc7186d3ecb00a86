/**
 * A statement of an analyst, run in a process of its own: SQLite can't be told from outside to stop, so whoever waits kills it. It holds no
 * keys, and opens the views and the log for reading alone.
 */
import { pathToFileURL } from "node:url";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { columnNamesOf, openSqlDoor, type SqlDoor } from "../exporting/sql-door.ts";
import { openViewsForReading } from "../projections/database.ts";
import { openPastViews } from "../projections/history/past-views.ts";
import type { Vantage } from "../projections/vantage.ts";
import { viewsOf } from "../projections/views.ts";
import { happenedBy } from "../queries/vantage.ts";
import { messageOf } from "./error-message.ts";

/** @property path of the running views, or of the past where `isPast`. */
export type SqlRequest = {
  path: string;
  isPast: boolean;
  logPath: string;
  sql: string;
  rowCountMax: number;
  vantage: Vantage;
};
export type SqlCell = string | number | bigint | null | Uint8Array;
export type FromSqlProcess =
  | { type: "columns"; names: string[] }
  | { type: "rows"; rows: SqlCell[][] }
  /** `isCut` where there were more rows than asked for. */
  | { type: "done"; isCut: boolean }
  | { type: "failed"; message: string };

const batchCount = 200;

/** Resolves once the other side has taken it, so that no more than a batch waits. */
const post = (message: FromSqlProcess): Promise<void> =>
  new Promise((resolve, reject) => process.send!(message, (error: Error | null) => (error === null ? resolve() : reject(error))));

/** A whole number is big only where a number of JavaScript can't hold it. */
const usual = (cell: SqlCell): SqlCell => {
  const number = typeof cell === "bigint" ? Number(cell) : cell;
  return typeof number === "number" && typeof cell === "bigint" && !Number.isSafeInteger(number) ? cell : number;
};

function doorTo({ path, isPast, logPath, vantage }: SqlRequest): SqlDoor {
  const database = openViewsForReading(path);
  database.prepare(`ATTACH ? AS log`).run(`${pathToFileURL(logPath).href}?mode=ro`);
  if (!isPast) return openSqlDoor(database, viewsOf(openViewsForReading(path)), vantage);
  const log = openSqliteLog(logPath);
  const views = openPastViews(path, log).at({ ...vantage, asOf: happenedBy(vantage) });
  return openSqlDoor(database, views, { ...vantage, past: { log, size: vantage.size } });
}

async function answer({ sql, rowCountMax, ...where }: SqlRequest): Promise<void> {
  const statement = doorTo({ sql, rowCountMax, ...where }).prepare(sql);
  await post({ type: "columns", names: columnNamesOf(statement) });
  statement.setReadBigInts(true);
  let rows: SqlCell[][] = [];
  let count = 0;
  for (const row of statement.iterate() as unknown as Iterable<SqlCell[]>) {
    if (count === rowCountMax) {
      await post({ type: "rows", rows });
      return post({ type: "done", isCut: true });
    }
    rows.push(row.map(usual));
    count += 1;
    if (rows.length < batchCount) continue;
    await post({ type: "rows", rows });
    rows = [];
  }
  await post({ type: "rows", rows });
  await post({ type: "done", isCut: false });
}

process.once("message", (request: SqlRequest) => {
  answer(request)
    .catch((error: unknown) => post({ type: "failed", message: messageOf(error) }))
    .finally(() => process.disconnect?.());
});
