/**
 * Everything taken home, in each format, against a bare scan of the same rows: of the views with SELECT *, of the log with JSON.parse of every
 * leaf. Memory is what the process held at most beyond what it held before.
 *
 * node bench/export.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--interactions <count>] [--busy <count>]
 *   [--rounds <count>]
 */
import { exportFigures, measureExport } from "./measures/export.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { accounts, interactions, busy, rounds } = flagsOf({
  accounts: [1_400, 20],
  interactions: [25, 12],
  busy: [1_000, 12],
  rounds: [3, 1],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: interactions, busyInteractionCount: busy });
tell("Export", { accounts, interactions, busy, rounds }, exportFigures(await measureExport(ledger, rounds)));
