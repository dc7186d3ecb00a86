/**
 * Verifying a bundle of the whole log offline, against a bare loop over the same archive that hashes each leaf, parses it and holds
 * it against its canonical form. Rounds of the two take turns, on one thread each.
 *
 * node bench/verify.bench.ts [--tiny] [--json | --markdown] [--accounts <count>] [--interactions <count>] [--busy <count>]
 *   [--rounds <count>]
 */
import { measureVerification, verificationFigures } from "./measures/verify.ts";
import { flagsOf, tell } from "./measuring.ts";
import { portfolioLedger } from "./support/ledgers.ts";

const { accounts, interactions, busy, rounds } = flagsOf({
  accounts: [1_400, 20],
  interactions: [25, 12],
  busy: [1_000, 12],
  rounds: [5, 1],
});
const ledger = await portfolioLedger({ accountCount: accounts, interactionCount: interactions, busyInteractionCount: busy });
tell("Verify", { accounts, interactions, busy, rounds }, verificationFigures(await measureVerification(ledger, rounds)));
