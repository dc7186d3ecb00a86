/**
 * The thread that counts the log for the census. Of its own, because keeping the lines of many accounts takes a moment, and heads
 * are signed meanwhile. It looks at the log now and then, so an append costs what it cost without it.
 */
import { setImmediate as turn } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Log } from "../event-store/log.ts";
import { openSqliteLog } from "../event-store/sqlite/sqlite-log.ts";
import type { CensusCount } from "../transparency/census.ts";
import { CensusBook } from "../transparency/census-book.ts";
import { openSqliteCensus } from "../transparency/sqlite-census.ts";
import { messageOf } from "./error-message.ts";

export type CensusWorkerData = { logPath: string; censusPath: string };
/** To the worker: count up to the end of the log, or keep the lines too, or the end. */
export type ToCensusWorker = { type: "wanted" } | { type: "count"; request: number } | { type: "close" };
/** From the worker. */
export type FromCensusWorker =
  /** The last census in the log can be read where `isReady`. */
  | { type: "counted"; size: number; isReady: boolean; contradicted?: { event: string; treeSize: number } }
  | { type: "count"; request: number; count: CensusCount }
  /** It is tried again, unless the thread ends. */
  | { type: "failed"; message: string }
  | { type: "closed" };

/** A census is asked for once a day: what is new in between is counted at leisure. */
const restMs = 5_000;
/** While nobody waits, at most a fifth of a core's time is taken. */
const restPerWork = 4;

const { logPath, censusPath } = workerData as CensusWorkerData;
const port = parentPort!;
const post = (message: FromCensusWorker) => port.postMessage(message);

let isClosing = false;
let isWanted = false;
const requests: number[] = [];
let wakeUp: () => void = () => undefined;
port.on("message", (message: ToCensusWorker) => {
  if (message.type === "close") isClosing = true;
  if (message.type === "count") requests.push(message.request);
  isWanted = true;
  wakeUp();
});

async function run(): Promise<void> {
  const log = openSqliteLog(logPath);
  const book = new CensusBook(log, openSqliteCensus(censusPath));
  try {
    book.open();
    while (!isClosing) {
      isWanted = false;
      await followed(book, log, requests.splice(0));
      if (!isWanted) await rest(restMs);
    }
  } finally {
    book.close();
    log.close();
  }
}

/** Up to the head as it is now: under load another event comes at every moment. */
async function followed(book: CensusBook, log: Log, asked: readonly number[]): Promise<void> {
  try {
    for (const head = log.head(); book.size < head && !isClosing;) {
      const startedAt = performance.now();
      book.grow();
      tell(book);
      await (isWanted || asked.length > 0 ? turn() : rest((performance.now() - startedAt) * restPerWork));
    }
    tell(book);
    for (const request of isClosing ? [] : asked) post({ type: "count", request, count: book.count() });
  } catch (error) {
    post({ type: "failed", message: messageOf(error) });
  }
}

function tell({ size, isReady, contradicted }: CensusBook): void {
  post({
    type: "counted",
    size,
    isReady,
    ...(contradicted === undefined ? {} : { contradicted: { event: contradicted.event, treeSize: contradicted.treeSize } }),
  });
}

const rest = (ms: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    wakeUp = () => {
      clearTimeout(timer);
      resolve();
    };
  });

run()
  .catch((error: unknown) => post({ type: "failed", message: messageOf(error) }))
  .finally(() => {
    post({ type: "closed" });
    port.close();
  });
