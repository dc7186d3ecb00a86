/**
 * The thread that keeps the views up with the log, so that judging promises never delays a write. A composition root of its own:
 * it opens its own connections, and nothing but positions crosses to the main thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { closeViews, isUsable, openViews, removeOthers, viewsPath } from "../projections/database.ts";
import { rebuildViews } from "../projections/rebuild.ts";
import { projections } from "../projections/registry.ts";
import { ProjectionRunner } from "../projections/runner.ts";
import { type Kept, LogFollower } from "./log-follower.ts";

export type ViewsWorkerData = { folder: string; logPath: string };

/** What each batch costs grows with the accounts that it touches, and less with its events: a backlog is taken in large ones. */
const batchCount = 10_000;
/**
 * While nobody waits, the views take at most a fifth of a core's time, so that writers keep theirs; and a promise that several
 * events of a moment touch is judged once. A backlog of so many events takes two seconds or three, for which a read may wait.
 */
const pace = { restPerWork: 4, restMsMin: 25, restMsMax: 1_000, backlogCountMax: 50_000 };

const { folder, logPath } = workerData as ViewsWorkerData;
const follower = new LogFollower(parentPort!, pace);
const log = openSqliteLog(logPath);

async function open(): Promise<Kept> {
  const path = viewsPath(folder, projections);
  if (!isUsable(path, log.head())) await rebuildViews(folder, log, projections, (progress) => follower.building(progress, false));
  const database = openViews(path, projections);
  const runner = new ProjectionRunner(database, projections);
  removeOthers(path);
  return {
    path,
    position: () => runner.position,
    advance: () => runner.apply(log.readAll(runner.position, batchCount)),
    close: () => closeViews(database, path),
  };
}

await follower.run(log, open);
