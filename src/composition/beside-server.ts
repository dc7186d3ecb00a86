/** What a folder holds, read beside the server that holds it. */
import { existsSync } from "node:fs";
import { instantAt } from "../domain/values.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { LogTimes } from "../ledger/log-times.ts";
import { openViewsForReading, viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { projections } from "../projections/registry.ts";
import { viewsOf } from "../projections/views.ts";
import type { ReadingDesk } from "../queries/query.ts";
import { ledgerPath } from "./ledger-folder.ts";

export type BesideServer = {
  desk: Pick<ReadingDesk, "log" | "times" | "now" | "views">;
  /** How many events the stored past reflects; 0 where there is none. */
  pastSize(): number;
  close(): void;
};

export function openBeside(folder: string): BesideServer {
  const log = openSqliteLog(ledgerPath(folder));
  const database = openViewsForReading(viewsPath(folder, projections));
  return {
    desk: { log, times: new LogTimes(log), views: viewsOf(database), now: () => instantAt(Date.now()) },
    pastSize: () => pastSize(historyPath(folder)),
    close() {
      database.close();
      log.close();
    },
  };
}

function pastSize(path: string): number {
  if (!existsSync(path)) return 0;
  const database = openViewsForReading(path);
  try {
    return viewsOf(database).position();
  } finally {
    database.close();
  }
}
