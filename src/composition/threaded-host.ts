/** Views kept up in a thread of their own, read from this one. */
import { Worker } from "node:worker_threads";
import { openViewsForReading } from "../projections/database.ts";
import { ViewsBehindError, type ViewsHost } from "../projections/reader.ts";
import { type Views, viewsOf } from "../projections/views.ts";
import type { FromWorker, ToWorker, ViewsWorkerData } from "./views-worker.ts";

/** A read waits no longer than a caller would; the answer then is to ask again. */
const waitMs = 5_000;

type Waiter = { position: number; resolve(): void; reject(error: Error): void; timer: NodeJS.Timeout };

export function threadedHost(
  data: ViewsWorkerData,
  onProgress: (progress: { position: number; head: number }) => void = () => undefined,
): ViewsHost & { ready: Promise<unknown> } {
  const worker = new Worker(new URL("./views-worker.ts", import.meta.url), { workerData: data });
  const waiters = new Set<Waiter>();
  let position = 0;
  let isAwake = false;
  let failure: string | undefined;
  let reading: { views: Views; close(): void } | undefined;
  const ready = Promise.withResolvers<undefined>();
  // Whoever does not wait for readiness learns of a failure from `status`.
  ready.promise.catch(() => undefined);
  const closed = Promise.withResolvers<undefined>();
  const send = (message: ToWorker) => worker.postMessage(message);

  const fail = (message: string) => {
    failure = message;
    ready.reject(new Error(message));
    for (const waiter of waiters) settle(waiter, new ViewsBehindError(position, waiter.position));
  };
  const settle = (waiter: Waiter, error?: Error) => {
    clearTimeout(waiter.timer);
    waiters.delete(waiter);
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
  };
  const advance = (to: number) => {
    position = to;
    isAwake = false;
    for (const waiter of waiters) if (waiter.position <= position) settle(waiter);
  };

  worker.on("message", (message: FromWorker) => {
    switch (message.type) {
      case "building":
        onProgress(message);
        break;
      case "ready": {
        const database = openViewsForReading(message.path);
        reading = { views: viewsOf(database), close: () => database.close() };
        advance(message.position);
        ready.resolve(undefined);
        break;
      }
      case "position":
        advance(message.position);
        break;
      case "failed":
        fail(message.message);
        break;
      case "closed":
        closed.resolve(undefined);
    }
  });
  worker.on("error", (error) => fail(error instanceof Error ? error.message : String(error)));
  worker.on("exit", () => closed.resolve(undefined));

  return {
    ready: ready.promise,
    get views() {
      if (reading === undefined) throw new ViewsBehindError(position, 1);
      return reading.views;
    },
    caughtUp(wanted, timeoutMs = waitMs) {
      if (reading !== undefined && position >= wanted) return Promise.resolve();
      if (failure !== undefined) return Promise.reject(new ViewsBehindError(position, wanted));
      return new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => settle(waiter, new ViewsBehindError(position, wanted)), timeoutMs);
        const waiter: Waiter = { position: wanted, resolve, reject, timer };
        waiters.add(waiter);
        send({ type: "wanted" });
      });
    },
    wake() {
      if (isAwake) return;
      isAwake = true;
      send({ type: "wake" });
    },
    status: () => ({
      position,
      building: reading === undefined && failure === undefined,
      ...(failure === undefined ? {} : { failure }),
    }),
    async close() {
      send({ type: "close" });
      await closed.promise;
      await worker.terminate();
      reading?.close();
      for (const waiter of waiters) settle(waiter, new ViewsBehindError(position, waiter.position));
    },
  };
}
