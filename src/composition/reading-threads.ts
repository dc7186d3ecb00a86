/** Questions that take their time, each answered by a thread of its own that can be ended when nobody waits any more. */
import { Worker } from "node:worker_threads";
import { ApiError } from "../api/problem.ts";
import { DomainError } from "../domain/errors.ts";
import type { Reader, Standings } from "../queries/asking.ts";
import { CursorError, type ReadingDesk } from "../queries/query.ts";
import { VantageError } from "../queries/vantage.ts";
import { VaultUnavailableError } from "../vault/vault.ts";
import type { StartedHistory } from "./threaded-history.ts";
import type { FromReadingWorker, Question, ReadingWorkerData, Refusal, ToReadingWorker } from "./reading-worker.ts";
import { messageOf } from "./error-message.ts";

/** What waits costs its request alone. Beyond this nobody would wait for the answer. */
const waitingCountMax = 64;
/** Of what a thread holds beside SQLite's caches. */
const heapMbMax = 256;

/** The first question about the past may wait until its thread has begun. Whoever waited longer is told to ask again. */
export const pastWaitMs = 15_000;

type Asked = { question: Question; resolve(answer: unknown): void; reject(error: Error): void };

export type ReadingThreads = { reader: Reader; close(): Promise<void> };

/**
 * Two threads, each started when it is first needed: an account's page does not wait behind a report over all of them.
 * @param past what keeps the rows that a question about the past reads.
 */
export function readingThreads(
  data: ReadingWorkerData,
  desk: Pick<ReadingDesk, "vault" | "now">,
  past: Pick<StartedHistory, "caughtUp">,
): ReadingThreads {
  const lanes = [new Lane(data, desk.vault), new Lane(data, desk.vault)] as const;
  return {
    async reader({ name, isHeavy, readsLogAlone }, request, standings, signal) {
      if (standings.at !== undefined && readsLogAlone !== true) await past.caughtUp(sizeOf(standings), pastWaitMs);
      return lanes[isHeavy ? 1 : 0].ask({ query: name, request, standings, now: desk.now() }, signal);
    },
    async close() {
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

const sizeOf = ({ at, from }: Standings): number => Math.max(at?.size ?? 0, from?.size ?? 0);

class Lane {
  readonly #data: ReadingWorkerData;
  readonly #vault: ReadingDesk["vault"];
  readonly #waiting: Asked[] = [];
  #worker: Worker | undefined;
  #running: Asked | undefined;
  #serial = 0;
  #isClosed = false;

  constructor(data: ReadingWorkerData, vault: ReadingDesk["vault"]) {
    this.#data = data;
    this.#vault = vault;
  }

  ask(question: Question, signal: AbortSignal): Promise<unknown> {
    if (this.#isClosed || this.#waiting.length >= waitingCountMax)
      return Promise.reject(
        new ApiError("overloaded", "Too many questions wait for their answer.", { headers: { "retry-after": "2" } }),
      );
    return new Promise((resolve, reject) => {
      const asked: Asked = { question, resolve, reject };
      const leave = () => this.#drop(asked);
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value) => {
          signal.removeEventListener("abort", leave);
          settle(value);
        };
      asked.resolve = settled(resolve);
      asked.reject = settled(reject);
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(asked);
      if (signal.aborted) leave();
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const closing = new ApiError("shutting-down", "The server is shutting down; another may answer.");
    for (const asked of this.#waiting.splice(0)) asked.reject(closing);
    this.#running?.reject(closing);
    await this.#worker?.terminate();
  }

  /** A statement of SQLite that has begun comes to its end; nothing after it runs. */
  #drop(asked: Asked): void {
    const place = this.#waiting.indexOf(asked);
    if (place >= 0) this.#waiting.splice(place, 1);
    asked.reject(new ApiError("request-timeout", "The caller went away before the answer."));
    if (this.#running === asked) this.#renew();
  }

  #renew(): void {
    const ended = this.#worker;
    this.#worker = this.#running = undefined;
    ended?.removeAllListeners();
    ended?.on("error", () => undefined);
    void ended?.terminate();
    this.#next();
  }

  #next(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    this.#running = this.#waiting.shift();
    if (this.#running === undefined) return;
    this.#worker ??= this.#started();
    this.#send({ type: "ask", id: (this.#serial += 1), ...this.#running.question });
  }

  #started(): Worker {
    const worker = new Worker(new URL("./reading-worker.ts", import.meta.url), {
      workerData: this.#data,
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    worker.on("message", (message: FromReadingWorker) => this.#take(message));
    worker.on("error", (error) => this.#fail(error instanceof Error ? error : new Error(String(error))));
    return worker;
  }

  #take(message: FromReadingWorker): void {
    if (message.type === "open") return void this.#open(message);
    if (message.id !== this.#serial) return;
    const asked = this.#running;
    this.#running = undefined;
    if (message.type === "answer") asked?.resolve(message.answer);
    else asked?.reject(revived(message.refusal));
    this.#next();
  }

  async #open({ requests, reader }: Extract<FromReadingWorker, { type: "open" }>): Promise<void> {
    try {
      this.#send({ type: "opened", opened: await this.#vault.open(requests, reader) });
    } catch (error) {
      this.#send({ type: "sealed", message: messageOf(error) });
    }
  }

  /** Out of memory, or a file that can't be read: the next question begins with a thread anew. */
  #fail(error: Error): void {
    this.#running?.reject(error);
    this.#renew();
  }

  #send(message: ToReadingWorker): void {
    this.#worker?.postMessage(message);
  }
}

function revived(refusal: Refusal): Error {
  switch (refusal.kind) {
    case "domain":
      return new DomainError(refusal.code, refusal.message, refusal.field);
    case "vantage":
      return new VantageError(refusal.code, refusal.field, refusal.message);
    case "cursor":
      return new CursorError(refusal.message);
    case "vault":
      return new VaultUnavailableError(refusal.message);
    case "fault":
      return new Error(refusal.message);
  }
}
