/**
 * A thread that reads and encodes what is taken home, so that it never holds up the one that answers everybody. It has connections of its
 * own, which only read; sealed text is opened by the main thread, which has the keys and writes the access log.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Instant } from "../domain/values.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import { beginExport, type BegunExport, type ExportRequest } from "../exporting/export.ts";
import { viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { projections } from "../projections/registry.ts";
import type { Vantage } from "../projections/vantage.ts";
import type { PersonalFields, SealedAt } from "../queries/personal.ts";
import { messageOf } from "./error-message.ts";

export type ExportWorkerData = { folder: string; logPath: string; restPerWork: number };

/** What is asked for, but for what can't leave its thread. */
export type PlainExportRequest = Omit<ExportRequest, "open" | "signal"> & { isPersonal: boolean };

export type ToExportWorker =
  | { type: "begin"; id: number; request: PlainExportRequest; now: Instant }
  | { type: "next"; id: number }
  | { type: "opened"; id: number; opened: PersonalFields[] }
  | { type: "sealed"; id: number; message: string }
  /** Nobody reads on. */
  | { type: "end"; id: number };

export type FromExportWorker =
  | { type: "begun"; id: number; vantage: Vantage }
  | { type: "bytes"; id: number; bytes: Uint8Array<ArrayBuffer> }
  | { type: "done"; id: number }
  | { type: "open"; id: number; items: readonly SealedAt[] }
  | { type: "failed"; id: number; message: string };

const { folder, logPath, restPerWork } = workerData as ExportWorkerData;
const port = parentPort!;
const log = openSqliteLog(logPath);
const encoder = new TextEncoder();

/** @property opening of an export that waits for its text: one batch at a time. */
type UnderWay = BegunExport & { opening?: PromiseWithResolvers<PersonalFields[]> };
const underWay = new Map<number, UnderWay>();

port.on("message", (message: ToExportWorker) => {
  const { id } = message;
  switch (message.type) {
    case "begin":
      return begin(message);
    case "next":
      return void next(id);
    case "opened":
      return underWay.get(id)?.opening?.resolve(message.opened);
    case "sealed":
      return underWay.get(id)?.opening?.reject(new Error(message.message));
    case "end":
      return void end(id);
  }
});

function post(message: FromExportWorker): void {
  // What was encoded is of no more use here.
  port.postMessage(message, message.type === "bytes" ? [message.bytes.buffer] : []);
}

function fail(id: number, error: unknown): void {
  post({ type: "failed", id, message: messageOf(error) });
  void end(id);
}

function begin({ id, now, request: { isPersonal, ...request } }: Extract<ToExportWorker, { type: "begin" }>): void {
  const paths = { viewsPath: viewsPath(folder, projections), historyPath: historyPath(folder) };
  const open = (items: readonly SealedAt[]): Promise<PersonalFields[]> => {
    const opening = Promise.withResolvers<PersonalFields[]>();
    underWay.get(id)!.opening = opening;
    post({ type: "open", id, items });
    return opening.promise;
  };
  try {
    const begun = beginExport({ ...paths, log, restPerWork, now: () => now }, isPersonal ? { ...request, open } : request);
    underWay.set(id, begun);
    post({ type: "begun", id, vantage: begun.vantage });
  } catch (error) {
    fail(id, error);
  }
}

async function next(id: number): Promise<void> {
  try {
    const { value, done } = (await underWay.get(id)?.bytes.next()) ?? { value: undefined, done: true };
    if (done === true) post({ type: "done", id });
    else
      post({ type: "bytes", id, bytes: typeof value === "string" ? encoder.encode(value) : (value as Uint8Array<ArrayBuffer>) });
  } catch (error) {
    fail(id, error);
  }
}

/** A batch that is being read is read to its end. */
async function end(id: number): Promise<void> {
  const begun = underWay.get(id);
  underWay.delete(id);
  begun?.opening?.reject(new Error("nobody reads on"));
  await begun?.bytes.return(undefined).catch(() => undefined);
  begun?.close();
}
