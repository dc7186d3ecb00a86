/** Questions under other policies, one at a time, each in a thread of its own. They are no events: they end with the process. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { addMs, dayMs, type Instant } from "../domain/values.ts";
import { viewsPath } from "../projections/database.ts";
import { projections } from "../projections/registry.ts";
import { differencesPath, scratchPaths } from "../replay/what-if-run.ts";
import { readDifferences } from "../replay/what-if-differences.ts";
import { type Known, type WhatIfJob, type WhatIfJobs, type WhatIfRequest, WhatIfsFullError } from "../replay/what-if.ts";
import type { FromWhatIfWorker, WhatIfWorkerData } from "./what-if-worker.ts";
import { messageOf } from "./error-message.ts";

export type WhatIfOptions = {
  folder: string;
  logPath: string;
  now: () => Instant;
  waitingCountMax?: number;
  /** Answers that are kept; the oldest goes first. */
  keptCountMax?: number;
  keptMs?: number;
};

export type StartedWhatIfs = WhatIfJobs & {
  /** Nobody writes meanwhile, so nothing rests. */
  hurry(): void;
  /** Ends what runs, and leaves nothing of any. */
  close(): Promise<void>;
};

const waitingCountMaxUsual = 4;
const keptCountMaxUsual = 16;
/** Half of a core's time: writers, their views and the signing of the log share the rest. */
const restPerWorkUsual = 1;
/** A comparison holds one account and the groups of people at a time. What would need more than this is a mistake, and fails. */
const heapMbMax = 256;

type Entry = {
  job: WhatIfJob;
  request: WhatIfRequest;
  known: Known | undefined;
  folder: string;
  ended: PromiseWithResolvers<undefined>;
  worker?: Worker;
  expiry?: NodeJS.Timeout;
};

export const whatIfFolder = (folder: string): string => join(folder, "what-if");

export function threadedWhatIfs(options: WhatIfOptions): StartedWhatIfs {
  const { folder, logPath, now, waitingCountMax = waitingCountMaxUsual } = options;
  const { keptCountMax = keptCountMaxUsual, keptMs = dayMs } = options;
  const root = whatIfFolder(folder);
  // What a killed process left behind.
  rmSync(root, { recursive: true, force: true });
  const entries = new Map<string, Entry>();
  let restPerWork = restPerWorkUsual;
  let isClosing = false;

  const inState = (state: WhatIfJob["state"]) => [...entries.values()].filter(({ job }) => job.state === state);

  const next = (): void => {
    if (isClosing || inState("running").length > 0) return;
    const [entry] = inState("waiting");
    if (entry !== undefined) begin(entry);
  };

  const begin = (entry: Entry): void => {
    const startedAt = now();
    entry.job = { ...entry.job, state: "running", startedAt, progress: { phase: "comparing", done: 0, of: 0 } };
    try {
      mkdirSync(entry.folder, { recursive: true, mode: 0o700 });
      const data: WhatIfWorkerData = {
        ...{ logPath, restPerWork, request: entry.request, known: entry.known, workFolder: entry.folder, now: startedAt },
        viewsPath: viewsPath(folder, projections),
      };
      entry.worker = new Worker(new URL("./what-if-worker.ts", import.meta.url), {
        workerData: data,
        resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
      });
    } catch (error) {
      return fail(entry, messageOf(error));
    }
    entry.worker.on("message", (message: FromWhatIfWorker) => take(entry, message));
    entry.worker.on("error", (error) => fail(entry, messageOf(error)));
    entry.worker.on("exit", () => fail(entry, "its thread ended before it had an answer"));
  };

  const take = (entry: Entry, message: FromWhatIfWorker): void => {
    if (message.type === "progress") entry.job = { ...entry.job, progress: message.progress };
    if (message.type === "failed") fail(entry, message.message);
    if (message.type !== "done" || entry.job.state !== "running") return;
    for (const path of scratchPaths(entry.folder)) rmSync(path, { force: true });
    const { accounts } = message.summary;
    end(entry, { state: "done", summary: message.summary, progress: { phase: "done", done: accounts, of: accounts } });
  };

  const fail = (entry: Entry, failure: string): void => {
    if (entry.job.state !== "running") return;
    rmSync(entry.folder, { recursive: true, force: true });
    end(entry, { state: "failed", failure });
  };

  const end = (entry: Entry, how: Partial<WhatIfJob>): void => {
    const endedAt = now();
    entry.job = { ...entry.job, ...how, endedAt, keptUntil: addMs(endedAt, keptMs) };
    delete entry.worker;
    entry.expiry = setTimeout(() => forget(entry), keptMs).unref();
    const over = [...inState("done"), ...inState("failed")].toSorted((a, b) => (a.job.endedAt! < b.job.endedAt! ? -1 : 1));
    for (const oldest of over.slice(0, Math.max(0, over.length - keptCountMax))) forget(oldest);
    entry.ended.resolve(undefined);
    next();
  };

  const forget = (entry: Entry): void => {
    clearTimeout(entry.expiry);
    entries.delete(entry.job.id);
    rmSync(entry.folder, { recursive: true, force: true });
    entry.ended.resolve(undefined);
  };

  return {
    start(id, request, known) {
      const before = entries.get(id);
      if (before !== undefined) return before.job;
      const waiting = inState("waiting").length;
      if (waiting >= waitingCountMax) throw new WhatIfsFullError(waiting);
      const job: WhatIfJob = {
        ...{ id, state: "waiting", progress: { phase: "waiting", done: 0, of: 0 }, askedAt: now() },
        ...{ startedAt: null, endedAt: null, keptUntil: null, summary: null, failure: null },
      };
      entries.set(id, { job, request, known, folder: join(root, id), ended: Promise.withResolvers() });
      next();
      return entries.get(id)!.job;
    },
    get: (id) => entries.get(id)?.job,
    list: () => [...entries.values()].map(({ job }) => job),
    requestOf: (id) => entries.get(id)?.request,
    differences(id, asked) {
      const entry = entries.get(id);
      return entry?.job.state === "done" ? readDifferences(differencesPath(entry.folder), asked) : { items: [], next: null };
    },
    async remove(id) {
      const entry = entries.get(id);
      if (entry === undefined) return false;
      const { worker } = entry;
      entries.delete(id);
      // What its thread says meanwhile is about nothing any more.
      entry.job = { ...entry.job, state: "failed" };
      await worker?.terminate();
      forget(entry);
      next();
      return true;
    },
    ended: (id) => entries.get(id)?.ended.promise ?? Promise.resolve(undefined),
    hurry: () => void (restPerWork = 0),
    async close() {
      isClosing = true;
      const open = [...entries.values()];
      for (const entry of open) entry.job = { ...entry.job, state: "failed" };
      await Promise.all(open.map(({ worker }) => worker?.terminate()));
      for (const entry of open) forget(entry);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
