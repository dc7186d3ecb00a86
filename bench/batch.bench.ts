/**
 * Bulk ingest: interactions as lines of one `POST /v1/batch`, half of them with a note to be sealed, each in a stream of its own,
 * against a bare loop of prepared inserts of the very rows that the batch left. Rounds of the two take turns.
 *
 * node bench/batch.bench.ts [--tiny] [--json | --markdown] [--lines <count>] [--accounts <count>] [--rounds <count>]
 *   [--external <0 or 1>] [--profile <folder>]
 */
import { batchFigures, measureBatch } from "./measures/batch.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { lines, accounts, rounds, external, profile } = flagsOf({
  lines: [100_000, 500],
  accounts: [1_000, 20],
  rounds: [5, 1],
  /** Whether lines bear external ids, as those of an import do. */
  external: [0, 0],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: 12, busyInteractionCount: 12 });
const batch = await measureBatch(ledger, {
  ...{ lineCount: lines, accountCount: accounts, rounds, external: external === 1, profile },
});
tell("Batch", { lines, accounts, rounds, external }, batchFigures(batch));
