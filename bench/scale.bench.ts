/**
 * What grows with the log: the three ratios, reads, reports, memory and the time of a start, on ledgers of two sizes. The ledgers are
 * made once and kept in the folder for temporary files; one account in a hundred holds about a thousand interactions.
 *
 * node bench/scale.bench.ts [--tiny] [--json | --markdown] [--small <events>] [--large <events, or 0 for none>] [--rounds <count>]
 *   [--seconds <count>] [--lines <count>] [--reads <count>] [--reports <count>] [--starts <count>]
 */
import { batchFigures, measureBatch } from "./measures/batch.ts";
import { ingestFigures, measureIngest } from "./measures/ingest.ts";
import { measureReads, readFigures } from "./measures/reads.ts";
import { measureRebuild, rebuildFigures } from "./measures/rebuild.ts";
import { measureStart } from "./measures/start.ts";
import { type Figure, flagsOf, median, tell } from "./measuring.ts";
import { onCopy, portfolioLedger } from "./support/ledgers.ts";

const { small, large, rounds, seconds, lines, reads, reports, starts, connections, warmUp } = flagsOf({
  small: [100_000, 600],
  large: [1_000_000, 0],
  rounds: [3, 1],
  seconds: [5, 0.2],
  lines: [50_000, 200],
  reads: [400, 3],
  reports: [20, 1],
  starts: [5, 1],
  connections: [64, 4],
  warmUp: [50, 5],
});
/** Of an account, verdicts included, on average over busy ones and others. */
const eventsPerAccount = 66;

async function figuresAt(events: number): Promise<Figure[]> {
  const accountCount = Math.round(events / eventsPerAccount);
  const busyInteractionCount = Math.min(1_000, events / 20);
  const ledger = await portfolioLedger({ accountCount, interactionCount: 25, busyInteractionCount });
  const started: number[] = [];
  const read = await onCopy(ledger, async (folder) => {
    for (let start = 0; start < starts; start += 1) started.push(await measureStart(folder));
    return measureReads(folder, { accountCount, readCount: reads, reportCount: reports, warmUpReadCount: Math.min(reads, 50) });
  });
  const ingest = await onCopy(ledger, (folder) =>
    measureIngest(folder, {
      ...{ accountCount, rounds, seconds, connectionCount: connections },
      warmUpRequests: connections * warmUp,
      profile: undefined,
    }),
  );
  const batch = await measureBatch(ledger, { accountCount, rounds, lineCount: lines, external: false, profile: undefined });
  const rebuild = await measureRebuild(ledger, rounds);
  const within = (part: string, figures: readonly Figure[]): Figure[] =>
    figures.map((figure) => ({ ...figure, name: `${part}: ${figure.name}` }));
  return [
    { name: "events", value: rebuild.events },
    { name: "start to ready", value: median(started), unit: "s", target: "< 1" },
    ...within("read", readFigures(read)),
    ...within("ingest", ingestFigures(ingest, connections)),
    ...within("batch", batchFigures(batch)),
    ...within("rebuild", rebuildFigures(rebuild)),
  ];
}

for (const events of [small, large].filter((size) => size > 0))
  tell(`Scale, about ${events} events`, { rounds, seconds, lines, reads, connections }, await figuresAt(events));
