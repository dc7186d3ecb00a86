/**
 * Building all views anew from the log, against a bare scan of the log, JSON.parse of every leaf, and prepared insertion of the
 * very rows that came out into a file with the same tables. Rounds of the two take turns.
 *
 * node bench/rebuild.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--interactions <count>] [--busy <count>]
 *   [--rounds <count>]
 */
import { measureRebuild, rebuildFigures } from "./measures/rebuild.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { accounts, interactions, busy, rounds } = flagsOf({
  accounts: [1_400, 20],
  interactions: [25, 12],
  busy: [1_000, 12],
  rounds: [5, 1],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: interactions, busyInteractionCount: busy });
tell("Rebuild", { accounts, interactions, busy, rounds }, rebuildFigures(await measureRebuild(ledger, rounds)));
