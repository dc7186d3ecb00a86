/** What is taken home, read and encoded by a thread of its own; it ends when nothing was taken for a while. */
import { Worker } from "node:worker_threads";
import { ApiError } from "../api/problem.ts";
import { type Exporter, type ExportRequest, keyIn } from "../exporting/export.ts";
import { datasets } from "../exporting/datasets.ts";
import type { ReadingDesk } from "../queries/query.ts";
import type { ExportWorkerData, FromExportWorker, ToExportWorker } from "./export-worker.ts";
import { messageOf } from "./error-message.ts";
import { pastWaitMs } from "./reading-threads.ts";
import type { StartedHistory } from "./threaded-history.ts";

/** Each holds the state that it began with open, and a connection's caches. */
const underWayCountMax = 4;
/** Of what the thread holds beside SQLite's caches. */
const heapMbMax = 256;
const idleMs = 30_000;

export type ThreadedExports = { exporter: Exporter; close(): Promise<void> };

/** @property answer to what was asked last: one thing at a time. */
type UnderWay = { request: ExportRequest; answer: PromiseWithResolvers<FromExportWorker> };

/** @param past what keeps the rows that an export of the past reads. */
export function threadedExports(
  data: ExportWorkerData,
  { now }: Pick<ReadingDesk, "now">,
  past: Pick<StartedHistory, "caughtUp">,
): ThreadedExports {
  const underWay = new Map<number, UnderWay>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let serial = 0;
  let isClosed = false;

  const send = (message: ToExportWorker) => worker?.postMessage(message);

  function started(): Worker {
    const one = new Worker(new URL("./export-worker.ts", import.meta.url), {
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    one.on("message", (message: FromExportWorker) => take(message));
    one.on("error", (error) => fail(error instanceof Error ? error : new Error(String(error))));
    return one;
  }

  function take(message: FromExportWorker): void {
    const asker = underWay.get(message.id);
    if (asker === undefined) return;
    if (message.type === "open") void open(message, asker);
    else asker.answer.resolve(message);
  }

  async function open({ id, items }: Extract<FromExportWorker, { type: "open" }>, { request }: UnderWay): Promise<void> {
    try {
      send({ type: "opened", id, opened: await request.open!(items) });
    } catch (error) {
      send({ type: "sealed", id, message: messageOf(error) });
    }
  }

  /** Out of memory, or a file that can't be read: the next export begins with a thread anew. */
  function fail(error: Error): void {
    worker = undefined;
    for (const { answer } of underWay.values()) answer.reject(error);
  }

  /** Asks, and waits for the answer. @throws for one that says what went wrong. */
  async function asked(id: number, message: ToExportWorker): Promise<FromExportWorker> {
    const asker = underWay.get(id)!;
    asker.answer = Promise.withResolvers();
    send(message);
    const answer = await asker.answer.promise;
    if (answer.type === "failed") throw new Error(answer.message);
    return answer;
  }

  function end(id: number): void {
    if (!underWay.delete(id)) return;
    send({ type: "end", id });
    if (underWay.size > 0) return;
    idle = setTimeout(() => {
      void worker?.terminate();
      worker = undefined;
    }, idleMs).unref();
  }

  async function* bytesOf(id: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        signal?.throwIfAborted();
        const answer = await asked(id, { type: "next", id });
        if (answer.type !== "bytes") return;
        yield answer.bytes;
      }
    } finally {
      end(id);
    }
  }

  return {
    async exporter(request) {
      const { open, signal, ...plain } = request;
      keyIn(datasets[request.dataset], request.after);
      if (isClosed || underWay.size >= underWayCountMax)
        throw new ApiError("overloaded", "As many exports are under way as may be.", { headers: { "retry-after": "10" } });
      const id = (serial += 1);
      underWay.set(id, { request, answer: Promise.withResolvers() });
      clearTimeout(idle);
      try {
        if (request.vantage !== undefined && request.dataset !== "events") await past.caughtUp(request.vantage.size, pastWaitMs);
        worker ??= started();
        const begun = await asked(id, { type: "begin", id, request: { ...plain, isPersonal: open !== undefined }, now: now() });
        const { vantage } = begun as Extract<FromExportWorker, { type: "begun" }>;
        return { vantage, bytes: bytesOf(id, signal), close: () => end(id) };
      } catch (error) {
        end(id);
        throw error;
      }
    },
    async close() {
      isClosed = true;
      clearTimeout(idle);
      const ended = worker?.terminate();
      fail(new Error("the server is shutting down"));
      await ended;
    },
  };
}
