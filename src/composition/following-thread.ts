/** Derived rows kept up in a thread of their own, seen from this one. */
import { Worker } from "node:worker_threads";
import { ViewsBehindError } from "../projections/reader.ts";
import type { FromFollower, ToFollower } from "./log-follower.ts";
import { messageOf } from "./error-message.ts";

/** A read waits no longer than a caller would; the answer then is to ask again. */
const waitMs = 5_000;

type Waiter = { position: number; resolve(): void; reject(error: Error): void; timer: NodeJS.Timeout };

export type FollowingThread = {
  /** Resolves once there is something to read. */
  ready: Promise<unknown>;
  /** Resolves when everything up to a position has been applied. @throws ViewsBehindError after `timeoutMs`. */
  caughtUp(position: number, timeoutMs?: number): Promise<void>;
  /** Says that events were appended; cheap, called after every append. */
  wake(): void;
  status(): { position: number; building: boolean; failure?: string };
  close(): Promise<void>;
};

export type OfThread = {
  /** Called with the path of what can be read from now on. */
  onReady?(path: string): void;
  onProgress?: ((progress: { position: number; head: number }) => void) | undefined;
  onFailure?(message: string): void;
};

/** @param url of the worker, which follows the log as `LogFollower` does. */
export function followingThread(url: URL, data: object, { onReady, onProgress, onFailure }: OfThread): FollowingThread {
  const worker = new Worker(url, { workerData: data });
  const waiters = new Set<Waiter>();
  let position = 0;
  let isAwake = false;
  let isReady = false;
  let failure: string | undefined;
  const ready = Promise.withResolvers<undefined>();
  // Whoever does not wait for readiness learns of a failure from `status`.
  ready.promise.catch(() => undefined);
  const closed = Promise.withResolvers<undefined>();
  const send = (message: ToFollower) => worker.postMessage(message);

  const fail = (message: string) => {
    failure = message;
    onFailure?.(message);
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

  worker.on("message", (message: FromFollower) => {
    switch (message.type) {
      case "building":
        onProgress?.(message);
        break;
      case "ready":
        onReady?.(message.path);
        isReady = true;
        advance(message.position);
        ready.resolve(undefined);
        break;
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
  worker.on("error", (error) => fail(messageOf(error)));
  worker.on("exit", () => closed.resolve(undefined));

  return {
    ready: ready.promise,
    caughtUp(wanted, timeoutMs = waitMs) {
      if (isReady && position >= wanted) return Promise.resolve();
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
      building: !isReady && failure === undefined,
      ...(failure === undefined ? {} : { failure }),
    }),
    async close() {
      send({ type: "close" });
      await closed.promise;
      await worker.terminate();
      for (const waiter of waiters) settle(waiter, new ViewsBehindError(position, waiter.position));
    },
  };
}
