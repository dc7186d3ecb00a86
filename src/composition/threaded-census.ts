/** The census counted by a thread of its own, read from this one. */
import { Worker } from "node:worker_threads";
import { CensusBehindError, type CensusCount, type CensusReader, type CensusTaker } from "../transparency/census.ts";
import { openCensusReader } from "../transparency/sqlite-census.ts";
import type { CensusWorkerData, FromCensusWorker, ToCensusWorker } from "./census-worker.ts";
import { messageOf } from "./error-message.ts";

/** Whoever asks for a census waits no longer; the answer then is to ask again. */
const waitMsUsual = 15_000;
/** A start has better things to do, and a server that runs for a moment may never be asked for a census. */
const startDelayMs = 5_000;

type Waiter = { isMet(): boolean; resolve(): void; reject(error: Error): void; timer: NodeJS.Timeout };

export type StartedCensus = CensusTaker & {
  /** Begins to count, some time after or when it is asked; whoever only looks into a folder leaves it. @param onTrouble what the operator should read. */
  start(onTrouble: (message: string) => void): void;
  close(): Promise<void>;
};

/** @param waitMs how long one that asks for a census may wait for the log to be counted. */
export function threadedCensus(data: CensusWorkerData, waitMs: number = waitMsUsual): StartedCensus {
  const closed = Promise.withResolvers<undefined>();
  const waiters = new Set<Waiter>();
  const counts = new Map<number, CensusCount>();
  let worker: Worker | undefined;
  let begin: () => void = () => undefined;
  let stop: () => void = () => undefined;
  let reader: (CensusReader & { close(): void }) | undefined;
  let size = 0;
  let isReady = false;
  let trouble: string | undefined;
  let serial = 0;

  const send = (message: ToCensusWorker) => worker?.postMessage(message);
  const settle = (waiter: Waiter, error?: Error) => {
    clearTimeout(waiter.timer);
    waiters.delete(waiter);
    if (error === undefined) waiter.resolve();
    else waiter.reject(error);
  };
  const settleMet = () => {
    for (const waiter of waiters) if (waiter.isMet()) settle(waiter);
  };
  const until = (isMet: () => boolean, ask: ToCensusWorker) =>
    new Promise<void>((resolve, reject) => {
      begin();
      if (worker === undefined) return reject(new CensusBehindError(size));
      const timer = setTimeout(() => settle(waiter, new CensusBehindError(size)), waitMs);
      const waiter: Waiter = { isMet, resolve, reject, timer };
      waiters.add(waiter);
      send(ask);
    });

  const take = (message: FromCensusWorker, onTrouble: (message: string) => void): void => {
    const tell = (text: string) => {
      if (trouble !== text) onTrouble(text);
      trouble = text;
    };
    switch (message.type) {
      case "counted":
        size = message.size;
        isReady = message.isReady;
        if (isReady) reader ??= openCensusReader(data.censusPath);
        if (message.contradicted !== undefined)
          tell(
            `the log does not bear out its last census, ${message.contradicted.event}: it was changed, or the census was false`,
          );
        return settleMet();
      case "count":
        counts.set(message.request, message.count);
        settleMet();
        // Whoever asked may have ceased to wait.
        counts.delete(message.request);
        return;
      case "failed":
        tell(message.message);
        for (const waiter of waiters) settle(waiter, new CensusBehindError(size));
        return;
      case "closed":
        closed.resolve(undefined);
    }
  };

  const count = async (): Promise<CensusCount> => {
    const request = (serial += 1);
    let counted: CensusCount | undefined;
    await until(() => (counted = counts.get(request)) !== undefined, { type: "count", request });
    return counted!;
  };
  const requireReader = (): CensusReader => {
    begin();
    if (reader === undefined || !isReady) throw new CensusBehindError(size);
    return reader;
  };
  const takeNext: CensusTaker["take"] = async (record) => {
    const recorded = await record(await count());
    await until(() => size >= recorded.position && isReady, { type: "wanted" });
    return recorded;
  };
  let last: Promise<unknown> = Promise.resolve();

  return {
    start(onTrouble) {
      begin = () => {
        if (worker !== undefined) return;
        clearTimeout(starting);
        worker = new Worker(new URL("./census-worker.ts", import.meta.url), { workerData: data });
        worker.on("message", (message: FromCensusWorker) => take(message, onTrouble));
        worker.on("error", (error) => take({ type: "failed", message: messageOf(error) }, onTrouble));
        worker.on("exit", () => closed.resolve(undefined));
      };
      const starting = setTimeout(begin, startDelayMs).unref();
      stop = () => clearTimeout(starting);
    },
    latest: () => requireReader().latest(),
    proofOf: (account) => requireReader().proofOf(account),
    take(record) {
      const taking = last.then(() => takeNext(record));
      last = taking.catch(() => undefined);
      return taking;
    },
    async close() {
      stop();
      begin = () => undefined;
      if (worker !== undefined) {
        send({ type: "close" });
        await closed.promise;
        await worker.terminate();
      }
      reader?.close();
      for (const waiter of waiters) settle(waiter, new CensusBehindError(size));
    },
  };
}
