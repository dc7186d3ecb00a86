/**
 * Erasing one person in a log of many events, backing that ledger up and restoring it, against a bare reading of the same log and a
 * bare copy of the same file.
 *
 * node bench/erase.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--interactions <count>] [--busy <count>]
 */
import { erasureFigures, measureErasure } from "./measures/erasure.ts";
import { flagsOf, tell } from "./measuring.ts";
import { onCopy, portfolioLedger } from "./support/ledgers.ts";

const { accounts, interactions, busy } = flagsOf({ accounts: [1_400, 20], interactions: [25, 12], busy: [1_000, 12] });
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: interactions, busyInteractionCount: busy });
tell("Erasing and backups", { accounts, interactions, busy }, erasureFigures(await onCopy(ledger, measureErasure)));
