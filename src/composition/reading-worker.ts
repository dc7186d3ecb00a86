/**
 * A thread that answers what takes its time, so that it never holds up the one that answers everybody. It has connections of its
 * own, which only read; sealed text is opened by the main thread, which has the keys and writes the access log.
 */
import { parentPort, workerData } from "node:worker_threads";
import { DomainError } from "../domain/errors.ts";
import type { Instant } from "../domain/values.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { LogTimes } from "../ledger/log-times.ts";
import { openViewsForReading, viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { openPastViews, type PastReader } from "../projections/history/past-views.ts";
import { projections } from "../projections/registry.ts";
import { viewsOf } from "../projections/views.ts";
import { type AnyRequest, ask, type Standings } from "../queries/asking.ts";
import { CursorError, type ReadingDesk } from "../queries/query.ts";
import { queries } from "../queries/registry.ts";
import { VantageError } from "../queries/vantage.ts";
import type { Opened, OpenRequest, Reader } from "../vault/vault.ts";
import { messageOf } from "./error-message.ts";

export type ReadingWorkerData = { folder: string; logPath: string };
export type Question = { query: string; request: AnyRequest; standings: Standings; now: Instant };
export type ToReadingWorker =
  ({ type: "ask"; id: number } & Question) | { type: "opened"; opened: Opened[][] } | { type: "sealed"; message: string };
export type FromReadingWorker =
  | { type: "answer"; id: number; answer: unknown }
  | { type: "refused"; id: number; refusal: Refusal }
  | { type: "open"; requests: readonly OpenRequest[]; reader: Reader };

/** What a query throws for its caller to read, as it crosses to the other thread. Anything else is a fault. */
export type Refusal =
  | { kind: "domain"; code: DomainError["code"]; message: string; field: string | undefined }
  | { kind: "vantage"; code: VantageError["code"]; message: string; field: string }
  | { kind: "cursor" | "vault" | "fault"; message: string };

class VaultRefused extends Error {}

const { folder, logPath } = workerData as ReadingWorkerData;
const port = parentPort!;
const post = (message: FromReadingWorker) => port.postMessage(message);

const log = openSqliteLog(logPath);
const views = viewsOf(openViewsForReading(viewsPath(folder, projections)));
const times = new LogTimes(log);
let past: PastReader | undefined;

/** One question at a time, so one opening at a time. */
let opening: PromiseWithResolvers<Opened[][]> | undefined;
const vault: ReadingDesk["vault"] = {
  open(requests, reader) {
    opening = Promise.withResolvers<Opened[][]>();
    post({ type: "open", requests, reader });
    return opening.promise;
  },
  accessLog: () => Promise.reject(new Error("the access log is read by the main thread")),
};

port.on("message", (message: ToReadingWorker) => {
  switch (message.type) {
    case "ask":
      return void answered(message);
    case "opened":
      return opening?.resolve(message.opened);
    case "sealed":
      return opening?.reject(new VaultRefused(message.message));
  }
});

async function answered({ id, query: name, request, standings, now }: Question & { id: number }): Promise<void> {
  const desk: ReadingDesk = {
    ...{ views, log, times, vault, now: () => now },
    // The main thread asks once the rows have been written. They stay open for the next question.
    past: (vantage) => ({ views: (past ??= openPastViews(historyPath(folder), log)).at(vantage), close: () => undefined }),
  };
  try {
    const query = queries.find((one) => one.name === name)!;
    post({ type: "answer", id, answer: await ask(desk, query, request, standings) });
  } catch (error) {
    post({ type: "refused", id, refusal: refusalOf(error) });
  }
}

function refusalOf(error: unknown): Refusal {
  const message = messageOf(error);
  if (error instanceof DomainError) return { kind: "domain", code: error.code, message, field: error.field };
  if (error instanceof VantageError) return { kind: "vantage", code: error.code, message, field: error.field };
  if (error instanceof CursorError) return { kind: "cursor", message };
  if (error instanceof VaultRefused) return { kind: "vault", message };
  return { kind: "fault", message };
}
