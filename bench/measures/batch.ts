/** Bulk ingest over HTTP against a bare loop of prepared inserts of the very rows that it left. */
import { copyFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { StoredEvent } from "../../src/event-store/event-store.ts";
import { openForAppending } from "../../src/event-store/sqlite/schema.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { interactionsSent } from "../portfolio.ts";
import { type Facts, interactionsAfter } from "../support/facts.ts";
import { inScratch, onCopy } from "../support/ledgers.ts";
import { type Served, serve } from "../support/served.ts";

export type BatchOptions = {
  lineCount: number;
  accountCount: number;
  rounds: number;
  /** Whether each line bears an external id, which is sealed and looked up. */
  external: boolean;
  profile: string | undefined;
};
type Round = {
  batchSeconds: number;
  bareSeconds: number;
  threadCpuUs: number;
  lagEvents: number;
  catchUpSeconds: number;
};
export type Batch = { rounds: Round[]; lineCount: number; facts: Facts };

const warmUpLineCount = 2_000;
/** Rows of one transaction of the bare loop. */
const transactionRowCount = 1_000;

/** @param folder a ledger with accounts of a portfolio; it stays as it is. */
export async function measureBatch(folder: string, options: BatchOptions): Promise<Batch> {
  const { lineCount } = options;
  const [warmUp, body] = [linesOf(1, Math.min(warmUpLineCount, lineCount), options), linesOf(2, lineCount, options)];
  const rounds: Round[] = [];
  let facts: Facts = { count: 0, digest: "" };
  for (let number = 0; number < options.rounds; number += 1) {
    await onCopy(folder, async (copy) => {
      const path = ledgerPath(copy);
      const { before, ...measured } = await loaded(copy, warmUp, body, lineCount, options.profile);
      facts = interactionsAfter(path, before);
      if (facts.count !== lineCount) throw new Error(`${lineCount} lines were accepted, the log holds ${facts.count}`);
      const bareSeconds = await inScratch((scratch) => insertedBare(ledgerPath(folder), path, before, scratch));
      rounds.push({ ...measured, bareSeconds });
    });
  }
  return { rounds, lineCount, facts };
}

function linesOf(seed: number, count: number, { accountCount, external }: BatchOptions): Buffer[] {
  const lines = interactionsSent(seed, accountCount, count).map((body, index) => {
    const origin = external ? { source: "bench", externalId: `batch-${seed}-${index}` } : {};
    return `${JSON.stringify({ command: "record-interaction", body: { ...body, ...origin } })}\n`;
  });
  const chunks: Buffer[] = [];
  for (let from = 0; from < lines.length; from += 200) chunks.push(Buffer.from(lines.slice(from, from + 200).join("")));
  return chunks;
}

async function loaded(folder: string, warmUp: Buffer[], body: Buffer[], lineCount: number, profile: string | undefined) {
  const server = await serve(folder, profile);
  try {
    await post(server, warmUp);
    const before = await server.settle();
    const { seconds, result } = await timed(() => post(server, body));
    const after = await server.stats();
    const catchUp = await timed(() => server.catchUp());
    if (result.accepted !== lineCount) throw new Error(`accepted ${result.accepted} of ${lineCount} lines`);
    return {
      before: before.head,
      batchSeconds: seconds,
      threadCpuUs: ((after.threadCpuMs - before.threadCpuMs) * 1_000) / lineCount,
      lagEvents: after.head - after.viewsPosition,
      catchUpSeconds: catchUp.seconds,
    };
  } finally {
    await server.close();
  }
}

type Summary = { lines: number; accepted: number; refused: number; complete: boolean };

async function post({ url, secret }: Served, body: Buffer[]): Promise<Summary> {
  const headers = { authorization: `Bearer ${secret}`, "content-type": "application/x-ndjson" };
  const { promise, resolve, reject } = Promise.withResolvers<Summary>();
  const sent = request(`${url}/v1/batch`, { method: "POST", headers }, (answer) => {
    text(answer).then((all) => resolve(summaryIn(all)), reject);
  });
  await Promise.all([pipeline(Readable.from(body, { objectMode: false }), sent), promise]);
  return promise;
}

function summaryIn(text: string): Summary {
  const last = text.trimEnd().split("\n").at(-1)!;
  const { summary } = JSON.parse(last) as { summary?: Summary };
  if (summary?.complete !== true) throw new Error(`the batch broke off: ${last}`);
  return summary;
}

/**
 * The same rows into the same tables on top of the same ledger. What came before the batch is inserted beside the clock, and what
 * the keeper recorded meanwhile is left out.
 */
async function insertedBare(basePath: string, loadedPath: string, before: number, scratch: string): Promise<number> {
  const path = join(scratch, "bare.db");
  copyFileSync(basePath, path);
  const database = openForAppending(path, false);
  const insert = database.prepare("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)");
  const write = (rows: readonly StoredEvent[]): void => {
    for (let from = 0; from < rows.length; from += transactionRowCount) {
      database.exec("BEGIN IMMEDIATE");
      for (const { position, stream, revision, id, leaf, ciphertext } of rows.slice(from, from + transactionRowCount))
        insert.run(position, stream, revision, id, leaf, ciphertext);
      database.exec("COMMIT");
    }
  };
  const [baseHead] = database.prepare("SELECT max(position) FROM events").get() as unknown as [number];
  const log = openSqliteLog(loadedPath);
  write(log.readAll(baseHead, before - baseHead));
  const rows = log.readAll(before, log.head()).filter(({ stream }) => stream.startsWith("interaction-"));
  log.close();
  const { seconds } = await timed(() => write(rows));
  database.close();
  return seconds;
}

export function batchFigures({ rounds, lineCount, facts }: Batch): Figure[] {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return [
    { name: "ratio", value: of(({ batchSeconds, bareSeconds }) => bareSeconds / batchSeconds), target: "≥ 0.3" },
    {
      name: "ratio, until the views have caught up",
      value: of(({ batchSeconds, catchUpSeconds, bareSeconds }) => bareSeconds / (batchSeconds + catchUpSeconds)),
    },
    { name: "batch", value: of(({ batchSeconds }) => lineCount / batchSeconds), unit: "events/s" },
    { name: "batch, CPU of the main thread", value: of(({ threadCpuUs }) => threadCpuUs), unit: "µs/event" },
    { name: "bare inserts", value: of(({ bareSeconds }) => lineCount / bareSeconds), unit: "events/s" },
    { name: "lag of the views at the end", value: of(({ lagEvents }) => lagEvents), unit: "events" },
    { name: "time in which they catch up", value: of(({ catchUpSeconds }) => catchUpSeconds), unit: "s" },
    { name: "digest of the facts", value: facts.digest },
  ];
}
