/** A what-if of the whole ledger against a rebuild of its views. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { ledgerPath } from "../../src/composition/ledger-folder.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { rebuildViews } from "../../src/projections/rebuild.ts";
import { projections } from "../../src/projections/registry.ts";
import { type Known, whatIfRequest, type WhatIfSummary } from "../../src/replay/what-if.ts";
import { runWhatIf } from "../../src/replay/what-if-run.ts";
import { decode } from "../../src/ledger/envelope.ts";
import { type Figure, median, timed } from "../measuring.ts";
import { digestOf } from "../support/facts.ts";
import { inScratch } from "../support/ledgers.ts";

type Round = { rebuildSeconds: number; nowSeconds: number; halfSeconds: number };
export type WhatIfMeasured = { rounds: Round[]; events: number; summary: WhatIfSummary; residentBytes: number };

const policy = {
  trust: { halfLifeDays: 180 },
  promises: { recordingAllowanceMinutes: 60, evidenceLimitDays: 1 },
  dormancy: { coolingPercentile: 0.5, dormantPercentile: 0.6, coolingMediansMin: 0, dormantMediansMin: 0 },
};

/** @param folder a ledger; it stays as it is. */
export async function measureWhatIf(folder: string, roundCount: number): Promise<WhatIfMeasured> {
  const log = openSqliteLog(ledgerPath(folder));
  const events = log.head();
  const now = decode(log.readAll(events - 1, 1)[0]!)!.recordedAt;
  const rounds: Round[] = [];
  let [summary, residentBytes]: [WhatIfSummary | undefined, number] = [undefined, 0];
  for (let number = 0; number < roundCount; number += 1) {
    await inScratch(async (scratch) => {
      const rebuilt = await timed(() => rebuildViews(scratch, log, projections));
      const before = process.memoryUsage().rss;
      const asked = (name: string, known?: Known) => {
        const workFolder = join(scratch, name);
        mkdirSync(workFolder);
        const onProgress = async () => {
          residentBytes = Math.max(residentBytes, process.memoryUsage().rss - before);
          await turn();
        };
        const request = whatIfRequest.parse({ policy, graceMinutes: 0 });
        return timed(() => runWhatIf({ request, known, log, viewsPath: rebuilt.result.path, workFolder, now, onProgress }));
      };
      const present = await asked("now");
      summary = present.result;
      const half = await asked("half", { size: Math.ceil(events / 2), knownAt: now });
      rounds.push({ rebuildSeconds: rebuilt.seconds, nowSeconds: present.seconds, halfSeconds: half.seconds });
    });
  }
  log.close();
  return { rounds, events, summary: summary!, residentBytes };
}

export function whatIfFigures({ rounds, events, summary, residentBytes }: WhatIfMeasured): Figure[] {
  const of = (value: (round: Round) => number): number => median(rounds.map(value));
  const { verdicts, trust, dormancy, keeping } = summary;
  const counts = [verdicts, trust, dormancy, keeping].map(({ compared, changed }) => [compared, changed]);
  return [
    { name: "ratio of a rebuild to a what-if", value: of(({ rebuildSeconds, nowSeconds }) => rebuildSeconds / nowSeconds) },
    { name: "what if, now", value: of(({ nowSeconds }) => nowSeconds), unit: "s" },
    { name: "what if, now", value: of(({ nowSeconds }) => events / nowSeconds), unit: "events/s" },
    { name: "what if, as known at half", value: of(({ halfSeconds }) => halfSeconds), unit: "s" },
    { name: "rebuild", value: of(({ rebuildSeconds }) => rebuildSeconds), unit: "s" },
    { name: "memory beside the views", value: residentBytes / 2 ** 20, unit: "MB" },
    { name: "events", value: events },
    { name: "verdicts that differ", value: verdicts.changed },
    { name: "scores that differ", value: trust.changed },
    { name: "states that differ", value: dormancy.changed },
    { name: "digest of what differs", value: digestOf(counts.map((count) => JSON.stringify(count))) },
  ];
}
