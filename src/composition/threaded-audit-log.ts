/** The verifiable log kept by a thread of its own, read from this one. */
import { Worker } from "node:worker_threads";
import {
  type AuditLog,
  type AuditLogStatus,
  type KnownHead,
  LogDivergedError,
  TreeBehindError,
} from "../transparency/audit-log.ts";
import { openTileReader } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";
import type { AuditWorkerData, FromAuditWorker, ToAuditWorker } from "./audit-worker.ts";

/** Whoever waits for a head waits no longer; the answer then is to ask again. */
const waitMs = 5_000;

type Waiter = { size: number; resolve(head: SignedHead): void; reject(error: Error): void; timer: NodeJS.Timeout };

export type StartedAuditLog = AuditLog & {
  /** Begins to grow the tree; whoever only looks into a folder leaves it. @param onTrouble what the operator should read. */
  start(onTrouble: (message: string) => void): void;
};

export function threadedAuditLog(data: AuditWorkerData): StartedAuditLog {
  const waiters = new Set<Waiter>();
  const closed = Promise.withResolvers<undefined>();
  let worker: Worker | undefined;
  let verifierKey: string | undefined;
  let tiles: ReturnType<typeof openTileReader> | undefined;
  let latest: SignedHead | undefined;
  let diverged: KnownHead | undefined;
  let failure: string | undefined;

  const size = () => latest?.size ?? 0;
  const settle = (waiter: Waiter, outcome: SignedHead | Error) => {
    clearTimeout(waiter.timer);
    waiters.delete(waiter);
    if (outcome instanceof Error) waiter.reject(outcome);
    else waiter.resolve(outcome);
  };
  const refuseAll = (errorFor: (waiter: Waiter) => Error) => {
    for (const waiter of waiters) settle(waiter, errorFor(waiter));
  };

  const take = (message: FromAuditWorker, onTrouble: (message: string) => void): void => {
    switch (message.type) {
      case "key":
        verifierKey = message.verifierKey;
        return;
      case "ready":
        tiles = openTileReader(data.treePath);
        return;
      case "head":
        latest = message.head;
        diverged = failure = undefined;
        for (const waiter of waiters) if (waiter.size <= latest.size) settle(waiter, latest);
        return;
      case "diverged": {
        const error = new LogDivergedError(message.lastKnownHead);
        if (diverged === undefined) onTrouble(`${error.message}; nothing is signed until this is declared with resume-log`);
        diverged = message.lastKnownHead;
        latest = undefined;
        refuseAll(() => error);
        return;
      }
      case "failed":
        if (failure === undefined) onTrouble(message.message);
        failure = message.message;
        refuseAll((waiter) => new TreeBehindError(size(), waiter.size));
        return;
      case "closed":
        closed.resolve(undefined);
    }
  };

  const requireHead = (wanted: number): SignedHead | undefined => {
    if (diverged !== undefined) throw new LogDivergedError(diverged);
    return latest !== undefined && latest.size >= wanted ? latest : undefined;
  };

  return {
    start(onTrouble) {
      worker = new Worker(new URL("./audit-worker.ts", import.meta.url), { workerData: data });
      worker.on("message", (message: FromAuditWorker) => take(message, onTrouble));
      worker.on("error", (error) =>
        take({ type: "failed", message: error instanceof Error ? error.message : String(error) }, onTrouble),
      );
      worker.on("exit", () => closed.resolve(undefined));
    },
    status(): AuditLogStatus {
      if (diverged !== undefined) return { state: "diverged", size: size(), lastKnownHead: diverged };
      if (failure !== undefined) return { state: "failed", size: size(), failure };
      return { state: latest === undefined ? "building" : "running", size: size() };
    },
    verifierKey() {
      if (verifierKey === undefined) throw new TreeBehindError(0, 1);
      return verifierKey;
    },
    treeHead() {
      const head = requireHead(1);
      if (head === undefined) throw new TreeBehindError(size(), 1);
      return head;
    },
    async treeHeadOf(wanted) {
      const head = requireHead(wanted);
      if (head !== undefined) return head;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(waiter, new TreeBehindError(size(), wanted)), waitMs);
        const waiter: Waiter = { size: wanted, resolve, reject, timer };
        waiters.add(waiter);
        worker?.postMessage({ type: "wanted" } satisfies ToAuditWorker);
      });
    },
    readTile(level, index, width) {
      if (tiles === undefined) throw new TreeBehindError(0, 1);
      return tiles.readTile(level, index, width);
    },
    async close() {
      if (worker !== undefined) {
        worker.postMessage({ type: "close" } satisfies ToAuditWorker);
        await closed.promise;
        await worker.terminate();
      }
      tiles?.close();
      refuseAll((waiter) => new TreeBehindError(size(), waiter.size));
    },
  };
}
