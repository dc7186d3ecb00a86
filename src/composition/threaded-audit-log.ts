/** The verifiable log kept by a thread of its own, read from this one. */
import { Worker } from "node:worker_threads";
import type { KeyRotation } from "../audit/key-rotation.ts";
import {
  type AuditLog,
  type AuditLogStatus,
  type ContradictingHead,
  LogDivergedError,
  TreeBehindError,
} from "../transparency/audit-log.ts";
import { openTileReader } from "../transparency/sqlite-tiles.ts";
import type { SignedHead } from "../transparency/stores.ts";
import type { AuditWorkerData, FromAuditWorker, ToAuditWorker } from "./audit-worker.ts";
import { messageOf } from "./error-message.ts";

/** Whoever waits for a head waits no longer; the answer then is to ask again. */
const waitMs = 5_000;

type Waiter = { size: number; resolve(head: SignedHead): void; reject(error: Error): void; timer: NodeJS.Timeout };

export type StartedAuditLog = AuditLog & {
  /**
   * Begins to grow the tree; whoever only looks into a folder leaves it.
   *
   * @param onTrouble what the operator should read.
   * @param awaitsWitnesses signs nothing new before `release`.
   */
  start(onTrouble: (message: string) => void, awaitsWitnesses?: boolean): void;

  /** The witnesses were asked, or did not answer in time. */
  release(): void;
};

export function threadedAuditLog(data: AuditWorkerData): StartedAuditLog {
  const waiters = new Set<Waiter>();
  const closed = Promise.withResolvers<undefined>();
  let worker: Worker | undefined;
  let verifierKeys: readonly string[] | undefined;
  let tiles: ReturnType<typeof openTileReader> | undefined;
  let latest: SignedHead | undefined;
  let diverged: ContradictingHead | undefined;
  let failure: string | undefined;

  const rotations = new Map<number, (rotation: KeyRotation | undefined) => void>();
  let rotationCount = 0;

  const send = (message: ToAuditWorker) => worker?.postMessage(message);
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
      case "keys":
        verifierKeys = message.verifierKeys;
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
      case "rotation":
        rotations.get(message.request)?.(message.rotation);
        return;
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
    start(onTrouble, awaitsWitnesses = false) {
      const workerData: AuditWorkerData = { ...data, awaitsWitnesses };
      worker = new Worker(new URL("./audit-worker.ts", import.meta.url), { workerData });
      worker.on("message", (message: FromAuditWorker) => take(message, onTrouble));
      worker.on("error", (error) => take({ type: "failed", message: messageOf(error) }, onTrouble));
      worker.on("exit", () => closed.resolve(undefined));
    },
    release: () => void send({ type: "release" }),
    status(): AuditLogStatus {
      if (diverged !== undefined) return { state: "diverged", size: size(), lastKnownHead: diverged };
      if (failure !== undefined) return { state: "failed", size: size(), failure };
      return { state: latest === undefined ? "building" : "running", size: size() };
    },
    verifierKeys() {
      if (verifierKeys === undefined) throw new TreeBehindError(0, 1);
      return verifierKeys;
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
        send({ type: "wanted" });
      });
    },
    async prepareKeyRotation(change) {
      const request = (rotationCount += 1);
      requireHead(0);
      const timer = setTimeout(() => rotations.get(request)?.(undefined), waitMs);
      const prepared = new Promise<KeyRotation | undefined>((resolve) => rotations.set(request, resolve));
      send({ type: "rotate", request, change });
      const rotation = await prepared.finally(() => (clearTimeout(timer), rotations.delete(request)));
      requireHead(0);
      if (rotation === undefined) throw new TreeBehindError(size(), size() + 1);
      return rotation;
    },
    contradict: (head, note) => void send({ type: "contradict", head, note }),
    readTile(level, index, width) {
      if (tiles === undefined) throw new TreeBehindError(0, 1);
      return tiles.readTile(level, index, width);
    },
    async close() {
      if (worker !== undefined) {
        send({ type: "close" });
        await closed.promise;
        await worker.terminate();
      }
      tiles?.close();
      refuseAll((waiter) => new TreeBehindError(size(), waiter.size));
    },
  };
}
