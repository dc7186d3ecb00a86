/** Every dataset in every format, against a bare scan of what it is read from. */
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import type { Instant } from "../../src/domain/values.ts";
import type { Log } from "../../src/event-store/log.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { datasetNames, datasets, runningTables } from "../../src/exporting/datasets.ts";
import { beginExport, type ExportSource } from "../../src/exporting/export.ts";
import { type FormatName, formatNames } from "../../src/exporting/formats.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { historyPath } from "../../src/projections/history/history-file.ts";
import { projections } from "../../src/projections/registry.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { inScratch } from "../support/ledgers.ts";

type Taken = { seconds: number; bytes: number };
type Round = Record<FormatName, Taken> & { scanSeconds: number };
export type ExportMeasured = { rounds: Round[]; rows: number; residentBytes: number; digest: string };

const pageCount = 5_000;
/** Long after everything in it, and always the same, so that the digest is. */
const at = "2030-01-01T00:00:00.000Z" as Instant;

/** @param folder a ledger; it stays as it is. */
export async function measureExport(folder: string, roundCount: number): Promise<ExportMeasured> {
  const log = openSqliteLog(ledgerPath(folder));
  try {
    return await inScratch(async (scratch) => {
      const { path: viewsPath } = await rebuildViews(scratch, log, projections);
      const source: ExportSource = { viewsPath, historyPath: historyPath(scratch), log, now: () => at, restPerWork: 0 };
      const rounds: Round[] = [];
      const before = process.memoryUsage().rss;
      let [rows, residentBytes, digest] = [0, 0, ""];
      for (let number = 0; number < roundCount; number += 1) {
        const scanned = await timed(() => scan(viewsPath, log));
        rows = scanned.result;
        const taken = {} as Record<FormatName, Taken>;
        for (const format of formatNames) {
          const { seconds, result } = await timed(() =>
            takeAll(source, format, () => (residentBytes = Math.max(residentBytes, process.memoryUsage().rss - before))),
          );
          taken[format] = { seconds, bytes: result.bytes };
          if (format === "csv") digest = result.digest;
        }
        rounds.push({ ...taken, scanSeconds: scanned.seconds });
      }
      return { rounds, rows, residentBytes, digest };
    });
  } finally {
    log.close();
  }
}

async function takeAll(
  source: ExportSource,
  format: FormatName,
  onBytes: () => unknown,
): Promise<{ bytes: number; digest: string }> {
  // Events have ids and instants of their own in every ledger; keeping rates are the same in all of one portfolio.
  const hash = createHash("sha256");
  let bytes = 0;
  for (const dataset of datasetNames) {
    for await (const part of beginExport(source, { dataset, format }).bytes) {
      bytes += Buffer.byteLength(part);
      if (dataset === "keeping") hash.update(part);
      onBytes();
    }
  }
  return { bytes, digest: hash.digest("hex").slice(0, 16) };
}

/** @returns how many rows there are: of the views that datasets show, and of the log. */
function scan(viewsPath: string, log: Log): number {
  const database = new DatabaseSync(viewsPath, { readOnly: true, returnArrays: true });
  let rows = 0;
  for (const name of datasetNames) {
    const table = /^main\.(\w+) t$/.exec(datasets[name].from(runningTables))?.[1];
    if (table === undefined) continue;
    for (const _ of database.prepare(`SELECT * FROM ${table}`).iterate()) rows += 1;
  }
  database.close();
  for (let position = 0; ;) {
    const found = log.readAll(position, pageCount);
    if (found.length === 0) return rows;
    for (const { leaf } of found) JSON.parse(Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString("utf8"));
    rows += found.length;
    position = found.at(-1)!.position;
  }
}

export function exportFigures({ rounds, rows, residentBytes, digest }: ExportMeasured): Figure[] {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  return [
    ...formatNames.flatMap((format): Figure[] => [
      { name: `ratio of a bare scan to ${format}`, value: of((round) => round.scanSeconds / round[format].seconds) },
      { name: `${format} of everything`, value: of((round) => round[format].seconds), unit: "s" },
      { name: `${format} of everything`, value: of((round) => rows / round[format].seconds), unit: "rows/s" },
      { name: `${format} of everything`, value: of((round) => round[format].bytes / 2 ** 20), unit: "MB" },
    ]),
    { name: "bare scan", value: of(({ scanSeconds }) => scanSeconds), unit: "s" },
    { name: "memory", value: residentBytes / 2 ** 20, unit: "MB" },
    { name: "rows", value: rows },
    { name: "digest of the keeping rates", value: digest },
  ];
}
