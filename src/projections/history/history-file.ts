/** The file of the past, derived as the views are and beside them. */
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import type { Log } from "../../event-store/log.ts";
import { openForWriting, openToBuild, remove, swapIn } from "../database.ts";
import type { RebuildProgress } from "../rebuild.ts";
import type { Views } from "../views.ts";
import { HistoryRunner } from "./history-runner.ts";
import { createPastIndexes, createPastTables, historyFingerprint, pageBytes, pastColumns } from "./past-tables.ts";

export const historyPath = (folder: string): string => join(folder, `history-${historyFingerprint}.db`);

/** Opens the past for writing, making it where there is none. See `openViews`. */
export const openHistory = (path: string): DatabaseSync =>
  openForWriting(
    path,
    (database) => {
      createPastTables(database);
      createPastIndexes(database);
    },
    { pageBytes, cacheKib: 16_384 },
  );

/**
 * Builds the past anew from the log, beside the one in use, and puts it in its place.
 *
 * @param onProgress awaited after every thousand events, so a long build can yield. Throw to give it up.
 * @returns its path and the position that it reflects.
 */
export async function buildHistory(
  folder: string,
  log: Log,
  onProgress: (progress: RebuildProgress) => Promise<void> | void = () => undefined,
): Promise<{ path: string; position: number }> {
  const path = historyPath(folder);
  const building = `${path}.building`;
  const database = openToBuild(building, pageBytes);
  const head = log.head();
  try {
    createPastTables(database);
    const runner = new HistoryRunner(database, log);
    // Each event is gone through twice.
    await runner.advance(head, async (done) => onProgress({ position: Math.floor(done / 2), head }));
    database.close();
  } catch (error) {
    database.close();
    remove(building);
    throw error;
  }
  swapIn(building, path);
  return { path, position: head };
}

/** The canonical dump of all rows, as `dumpViews` has it: the past is the same when its dumps are. */
export function* dumpHistory(views: Pick<Views, "iterate">): Generator<string> {
  for (const [table, columns] of pastColumns) {
    const order = ["known_from", ...columns.map(({ name }) => name), "holds_from"].join(", ");
    for (const row of views.iterate(`SELECT * FROM past_${table} ORDER BY ${order}`)) yield `${table} ${JSON.stringify(row)}`;
  }
  for (const row of views.iterate(`SELECT * FROM promise_events ORDER BY promise, revision`))
    yield `promise_events ${JSON.stringify(row)}`;
}
