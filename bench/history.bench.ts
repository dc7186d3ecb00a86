/**
 * The past in stored rows: how long building them takes beside building the views, how large they are, and reads of a past day as known
 * at an earlier size of the log, one at a time over HTTP. One account in a hundred holds about a thousand interactions.
 *
 * node bench/history.bench.ts [--tiny] [--json | --markdown] [--events <count>] [--rounds <count>] [--reads <count>] [--reports <count>]
 */
import { historyFigures, measureHistory } from "./measures/history.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { events, rounds, reads, reports } = flagsOf({
  events: [100_000, 600],
  rounds: [3, 1],
  reads: [400, 3],
  reports: [20, 1],
});
/** Of an account, verdicts included, on average over busy ones and others. */
const eventsPerAccount = 66;
const accountCount = Math.round(events / eventsPerAccount);
const ledger = await portfolioLedger({ accountCount, interactionCount: 25, busyInteractionCount: Math.min(1_000, events / 20) });
const options = { accountCount, readCount: reads, reportCount: reports, warmUpReadCount: Math.min(reads, 50) };
tell("The past", { events, rounds, reads, reports }, historyFigures(await measureHistory(ledger, rounds, options)));
