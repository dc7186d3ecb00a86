/**
 * The thread that answers one question under another policy, and then ends. It has its own read-only connections, and a folder of its
 * own for everything that it writes.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Instant } from "../domain/values.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import type { Known, WhatIfProgress, WhatIfRequest, WhatIfSummary } from "../replay/what-if.ts";
import { runWhatIf } from "../replay/what-if-run.ts";
import { messageOf } from "./error-message.ts";

export type WhatIfWorkerData = {
  request: WhatIfRequest;
  known: Known | undefined;
  logPath: string;
  viewsPath: string;
  workFolder: string;
  now: Instant;
  /** How long it rests for each moment that it works. */
  restPerWork: number;
};
export type FromWhatIfWorker =
  { type: "progress"; progress: WhatIfProgress } | { type: "done"; summary: WhatIfSummary } | { type: "failed"; message: string };

const { logPath, restPerWork, ...input } = workerData as WhatIfWorkerData;
const post = (message: FromWhatIfWorker) => parentPort!.postMessage(message);

let workedFrom = performance.now();

async function onProgress(progress: WhatIfProgress): Promise<void> {
  post({ type: "progress", progress });
  await delay((performance.now() - workedFrom) * restPerWork);
  workedFrom = performance.now();
}

const log = openSqliteLog(logPath);
try {
  post({ type: "done", summary: await runWhatIf({ ...input, log, onProgress }) });
} catch (error) {
  post({ type: "failed", message: messageOf(error) });
} finally {
  log.close();
}
