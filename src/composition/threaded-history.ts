/** The past kept up in a thread of its own. */
import { ViewsBehindError } from "../projections/reader.ts";
import { type FollowingThread, followingThread } from "./following-thread.ts";
import type { HistoryWorkerData } from "./history-worker.ts";

/** A start has better things to do, and a server that runs for a moment may never be asked for the past. */
const startDelayMs = 5_000;

export type StartedHistory = {
  /** Begins to keep it up, some time after or when it is asked for. Whoever only looks into a folder leaves it. @param onFailure what the operator should read. */
  start(onFailure: (message: string) => void): void;
  /** Resolves when everything up to a position can be read from the file. @throws ViewsBehindError after `timeoutMs`. */
  caughtUp(position: number, timeoutMs?: number): Promise<void>;
  /** Null while it has not begun. */
  status(): ReturnType<FollowingThread["status"]> | null;
  close(): Promise<void>;
};

export function threadedHistory(data: HistoryWorkerData): StartedHistory {
  let thread: FollowingThread | undefined;
  let isClosed = false;
  let starting: NodeJS.Timeout | undefined;
  let report: (message: string) => void = () => undefined;
  const begun = (): FollowingThread => {
    clearTimeout(starting);
    thread ??= followingThread(new URL("./history-worker.ts", import.meta.url), data, {
      onFailure: (message) => report(message),
    });
    return thread;
  };
  return {
    start(onFailure) {
      report = onFailure;
      starting = setTimeout(begun, startDelayMs).unref();
    },
    caughtUp: (position, timeoutMs) =>
      isClosed ? Promise.reject(new ViewsBehindError(0, position)) : begun().caughtUp(position, timeoutMs),
    status: () => thread?.status() ?? null,
    async close() {
      isClosed = true;
      clearTimeout(starting);
      await thread?.close();
    },
  };
}
