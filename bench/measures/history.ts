/** Building the rows of the past, and what is asked of a past day over HTTP, as known at an earlier size of the log. */
import { statSync } from "node:fs";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { openViewsForReading } from "../../src/projections/database.ts";
import { buildHistory } from "../../src/projections/history/history-file.ts";
import { pastColumns } from "../../src/projections/history/past-tables.ts";
import { viewsOf } from "../../src/projections/views.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { digestOf } from "../support/facts.ts";
import { inScratch, onCopy } from "../support/ledgers.ts";
import { measureReads, readFigures, type ReadOptions, type Reads } from "./reads.ts";

export type History = {
  events: number;
  buildSeconds: number[];
  rebuildSeconds: number[];
  rows: number;
  bytes: number;
  viewsBytes: number;
  /** Of the rows, but for random ids and the time of the run. */
  digest: string;
  reads: Reads;
};

/** Half of the portfolio's time had passed by then, and all but the last tenth of the log was known. */
const asOf = "2025-11-01T00:00:00.000Z";
const knownShare = 0.9;

/** @param folder a ledger; it stays as it is. */
export async function measureHistory(folder: string, rounds: number, options: ReadOptions): Promise<History> {
  const log = openSqliteLog(ledgerPath(folder));
  const events = log.head();
  const [buildSeconds, rebuildSeconds]: [number[], number[]] = [[], []];
  let built = { rows: 0, bytes: 0, viewsBytes: 0, digest: "" };
  for (let round = 0; round < rounds; round += 1)
    await inScratch(async (scratch) => {
      const history = await timed(() => buildHistory(scratch, log));
      const views = await timed(() => rebuildViews(scratch, log, projections));
      buildSeconds.push(history.seconds);
      rebuildSeconds.push(views.seconds);
      built = { ...rowsIn(history.result.path), viewsBytes: statSync(views.result.path).size };
    });
  const reads = await onCopy(folder, async (copy) => {
    // Built here, so that what building takes is no part of what the server holds.
    await buildHistory(copy, log);
    await rebuildViews(copy, log, projections);
    return measureReads(copy, { ...options, at: `asOf=${asOf}&knownAt=${Math.ceil(events * knownShare)}` });
  });
  log.close();
  return { events, buildSeconds, rebuildSeconds, ...built, reads };
}

function rowsIn(path: string): { rows: number; bytes: number; digest: string } {
  const database = openViewsForReading(path);
  const views = viewsOf(database);
  const count = (table: string) => views.get<{ count: number }>(`SELECT count(*) AS count FROM ${table}`)!.count;
  const rows = [...pastColumns.keys()].reduce((sum, table) => sum + count(`past_${table}`), count("promise_events"));
  const verdicts = views
    .all(
      `SELECT holds_from, holds_to, promise, occurrence, verdict, at, credit FROM past_occurrences ORDER BY promise, occurrence, known_from, holds_from`,
    )
    .map((row) => JSON.stringify(Object.values(row)));
  database.close();
  return { rows, bytes: statSync(path).size, digest: digestOf(verdicts) };
}

export function historyFigures({
  events,
  buildSeconds,
  rebuildSeconds,
  rows,
  bytes,
  viewsBytes,
  digest,
  reads,
}: History): Figure[] {
  const seconds = median(buildSeconds);
  return [
    { name: "ratio of building the past to building the views", value: median(rebuildSeconds) / seconds },
    { name: "build", value: events / seconds, unit: "events/s" },
    { name: "build", value: seconds, unit: "s" },
    { name: "events", value: events },
    { name: "rows", value: rows },
    { name: "file of the past", value: bytes / 1_000_000, unit: "MB" },
    { name: "file of the views", value: viewsBytes / 1_000_000, unit: "MB" },
    { name: "digest of the verdicts", value: digest },
    ...readFigures(reads),
  ];
}
