/**
 * The thread that keeps the views up with the log, so that judging promises never delays a write. A composition root of its own:
 * it opens its own connections, and nothing but positions crosses to the main thread.
 */
import { parentPort, workerData } from "node:worker_threads";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { areTrusted, closeViews, openViews, openViewsForReading, removeOthers, viewsPath } from "../projections/database.ts";
import { rebuildViews } from "../projections/rebuild.ts";
import { projections } from "../projections/registry.ts";
import { ProjectionRunner } from "../projections/runner.ts";
import { viewsOf } from "../projections/views.ts";

export type ViewsWorkerData = { folder: string; logPath: string };
/** To the worker: the log has grown, or somebody waits for a position, or the end. */
export type ToWorker = { type: "wake" } | { type: "wanted" } | { type: "close" };
/** From the worker. `building` until the views can be read. */
export type FromWorker =
  | { type: "building"; position: number; head: number }
  | { type: "ready"; path: string; position: number }
  | { type: "position"; position: number }
  | { type: "failed"; message: string }
  | { type: "closed" };

/** What each batch costs grows with the accounts that it touches, and less with its events: a backlog is taken in large ones. */
const batchCount = 10_000;
/**
 * While nobody waits, the views take at most a fifth of a core's time, so that writers keep theirs; and a promise that several
 * events of a moment touch is judged once.
 */
const restPerWork = 4;
const restMsMin = 25;
const restMsMax = 1_000;
/** A backlog beyond this is worked off without rest: a read that comes next would have to wait for all of it. */
const backlogCountMax = 20_000;

const { folder, logPath } = workerData as ViewsWorkerData;
const port = parentPort!;
const post = (message: FromWorker) => port.postMessage(message);

let isClosing = false;
let isWanted = false;
let wakeUp: () => void = () => undefined;
port.on("message", ({ type }: ToWorker) => {
  if (type === "close") isClosing = true;
  if (type === "wanted") isWanted = true;
  wakeUp();
});

async function run(): Promise<void> {
  const log = openSqliteLog(logPath);
  const path = viewsPath(folder, projections);
  if (!isUsable(path, log.head())) await rebuildViews(folder, log, projections, reportBuilding);
  const database = openViews(path, projections);
  const runner = new ProjectionRunner(database, projections);
  removeOthers(folder, path);
  post({ type: "ready", path, position: runner.position });
  while (!isClosing) {
    const batch = log.readAll(runner.position, batchCount);
    if (batch.length === 0) {
      isWanted = false;
      // Said again although it is known: the main thread may have called for what had just been applied.
      post({ type: "position", position: runner.position });
      await woken();
      continue;
    }
    const startedAt = performance.now();
    runner.apply(batch);
    post({ type: "position", position: runner.position });
    const isPressed = isWanted || log.head() - runner.position > backlogCountMax;
    await (isPressed ? turn() : rest(performance.now() - startedAt));
  }
  closeViews(database, path);
  log.close();
  post({ type: "closed" });
  port.close();
}

/** Views ahead of the log come from another history: a restored file. */
function isUsable(path: string, head: number): boolean {
  if (!areTrusted(path)) return false;
  const database = openViewsForReading(path);
  const position = viewsOf(database).position();
  database.close();
  return position <= head;
}

async function reportBuilding(progress: { position: number; head: number }): Promise<void> {
  post({ type: "building", ...progress });
  await turn();
  if (isClosing) throw new Error("closed while the views were being built");
}

const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));
const woken = () => new Promise<void>((resolve) => void (wakeUp = resolve));
const rest = (workedMs: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, Math.min(Math.max(workedMs * restPerWork, restMsMin), restMsMax));
    wakeUp = () => {
      if (!isWanted && !isClosing) return;
      clearTimeout(timer);
      resolve();
    };
  });

run().catch((error: unknown) => {
  post({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  port.close();
});
