/**
 * The whole ledger under another policy that touches every verdict, score and state, against building its views anew: now, and as known at
 * the log's half. Memory is what the process held at most beyond what it held before.
 *
 * node bench/whatif.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--interactions <count>] [--busy <count>]
 *   [--rounds <count>]
 */
import { measureWhatIf, whatIfFigures } from "./measures/whatif.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { accounts, interactions, busy, rounds } = flagsOf({
  accounts: [1_400, 20],
  interactions: [25, 12],
  busy: [1_000, 12],
  rounds: [3, 1],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: interactions, busyInteractionCount: busy });
tell("What if", { accounts, interactions, busy, rounds }, whatIfFigures(await measureWhatIf(ledger, rounds)));
