/** Appends written by a thread of their own once many come at a time; see `append-worker.ts`. */
import { Worker } from "node:worker_threads";
import { StoreUnavailableError } from "../event-store/event-store.ts";
import type { Answer, Append } from "../event-store/sqlite/append-group.ts";
import { packed, unpackedAnswers } from "../event-store/sqlite/packed-group.ts";
import type { FilePlace } from "../event-store/sqlite/placed-writer.ts";
import type { WriterElsewhere } from "../event-store/sqlite/sqlite-event-store.ts";
import type { AppendWorkerData, FromAppendWorker, ToAppendWorker } from "./append-worker.ts";

/** Appends that come together are so many, or the thread is not started: most ledgers never need it. */
const togetherMin = 8;

type UnderWay = { group: readonly Append[]; answer(answers: Answer[]): void };

export type ThreadedAppends = WriterElsewhere & {
  /** Resolves once the thread takes groups, or has failed to. */
  ready: Promise<unknown>;
};

/** @param startsAt how many appends must come together for the thread to be started; 0 to start it at once. */
export function threadedAppends(path: string, place: FilePlace, startsAt: number = togetherMin): ThreadedAppends {
  const underWay: UnderWay[] = [];
  const ready = Promise.withResolvers<undefined>();
  const ended = Promise.withResolvers<undefined>();
  let worker: Worker | undefined;
  let isReady = false;

  const take = (message: FromAppendWorker): void => {
    if (message === "ready") {
      isReady = true;
      ready.resolve(undefined);
      return;
    }
    const { group, answer } = underWay.shift()!;
    answer(unpackedAnswers(group, message));
  };
  /** What the thread had taken may be stored or not. From here on this thread writes again. */
  const fail = (cause: unknown): void => {
    isReady = false;
    ready.resolve(undefined);
    for (const { group, answer } of underWay.splice(0)) answer(group.map(() => new StoreUnavailableError("failed", { cause })));
  };
  const start = (): Worker => {
    const workerData: AppendWorkerData = { path, place };
    const started = new Worker(new URL("./append-worker.ts", import.meta.url), { workerData });
    started.on("message", take);
    started.on("error", fail);
    started.on("exit", () => {
      fail(new Error("the thread that appends has ended"));
      ended.resolve(undefined);
    });
    return started;
  };
  const send = (message: ToAppendWorker, handedOver: ArrayBuffer[] = []) => worker?.postMessage(message, handedOver);
  if (startsAt === 0) worker = start();

  return {
    ready: ready.promise,
    write(group) {
      if (group.length >= startsAt) worker ??= start();
      if (!isReady) return undefined;
      return new Promise((answer) => {
        const message = packed(group);
        underWay.push({ group, answer });
        send(message, [message.leaves]);
      });
    },
    async close() {
      if (worker === undefined) return;
      send("close");
      await ended.promise;
    },
  };
}
