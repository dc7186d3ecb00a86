/**
 * The thread that keeps the past up with the log. Of its own, because nobody may ever ask for it: it looks at the log now and then,
 * takes little of a core while nobody waits, and nothing that is recorded waits for it.
 */
import { parentPort, workerData } from "node:worker_threads";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { closeViews, isUsable, removeOthers } from "../projections/database.ts";
import { buildHistory, historyPath, openHistory } from "../projections/history/history-file.ts";
import { HistoryRunner } from "../projections/history/history-runner.ts";
import { type Kept, LogFollower } from "./log-follower.ts";

export type HistoryWorkerData = { folder: string; logPath: string };

/** An account's promises and interactions are read once for all of its events in a step. */
const stepCount = 10_000;
const pace = { restPerWork: 9, restMsMin: 25, restMsMax: 5_000, backlogCountMax: Number.POSITIVE_INFINITY, lookMs: 2_000 };

const { folder, logPath } = workerData as HistoryWorkerData;
const follower = new LogFollower(parentPort!, pace);
const log = openSqliteLog(logPath);

async function open(): Promise<Kept> {
  const path = historyPath(folder);
  if (!isUsable(path, log.head())) await buildHistory(folder, log, (progress) => follower.building(progress, true));
  const database = openHistory(path);
  const runner = new HistoryRunner(database, log);
  removeOthers(path);
  return {
    path,
    position: () => runner.position,
    advance: (pause) => runner.advance(Math.min(runner.position + stepCount, log.head()), pause),
    close: () => closeViews(database, path),
  };
}

await follower.run(log, open);
