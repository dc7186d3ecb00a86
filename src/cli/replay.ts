/** `troth replay`: history again, step by step or under another policy. */
import { Command } from "commander";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, instantArgument, withFolder, withJson } from "./options.ts";
import { retell, type RetellFlags } from "./retell.ts";
import type { Shell } from "./shell.ts";
import { knownAtArgument } from "./vantage.ts";
import { whatIf, type WhatIfFlags } from "./what-if.ts";

type Flags = FolderFlags & RetellFlags & Partial<WhatIfFlags> & { json?: boolean };

const collected = (value: string, before: string[] = []): string[] => [...before, value];

export const replayCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("replay")))
    .summary("an account's history step by step, or what would hold under another policy")
    .description(
      "With an account: retells its history in the order in which it was recorded, each event with every figure that it changed, before and after, and why; and what time alone had changed meanwhile. Asks a running server, or reads a data folder that nobody serves.\nWith --policy: runs the ledger, or a part of it, under another policy and says which verdicts, scores, states and ranks would differ, by how much, and why. While a server holds the folder, POST /v1/replay is the way.\nThe log is only read and nothing is recorded.",
    )
    .argument("[account]", "whose history is told; with --policy, this account alone")
    .option(
      "--from <place>",
      "steps recorded, or outcomes, after this instant; for steps also a size of the log",
      knownAtArgument,
    )
    .option("--to <place>", "steps recorded up to this instant or size of the log; now where absent", knownAtArgument)
    .option("--url <url>", "server to ask for the steps (TROTH_URL)")
    .option("--key <key>", "its API key (TROTH_KEY)")
    .option("--policy <file>", "the other policy, as JSON; what is left out takes its default")
    .option("--grace-minutes <count>", "judge every promise as if it had been made with this grace")
    .option("--account <id>", "under the other policy, this account alone; may be given several times", collected)
    .option("--owner <person>", "accounts that this person owns")
    .option("--team <team>", "accounts whose owner is in this team")
    .option("--promisor <party>", "what this party promised")
    .option("--until <instant>", "outcomes before this instant", instantArgument)
    .option("--known-at <place>", "rest on what was known at this size of the log, or at this instant", knownAtArgument)
    .option("--out <file>", "write every difference into a new file, one a line")
    .addHelpText(
      "after",
      `
With --json each step is a line, as GET /v1/accounts/{account}/history gives it.

Examples:
  troth replay acc_0000000000000001
  troth replay acc_0000000000000001 --from 2026-01-01 --to 2026-03-31T18:00:00Z
  troth replay acc_0000000000000001 --from 4711 --json --url http://127.0.0.1:7407 --key troth_…
  troth replay --policy strict.json
  troth replay --policy strict.json --account acc_0000000000000001 --out differences.ndjson
  troth replay --policy strict.json --grace-minutes 1440 --json
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable", "network")}`,
    )
    .action(async (account: string | undefined, flags: Flags) => replay(shell, account, flags));

const ofSteps = ["to", "url", "key"] as const;
const ofPolicies = ["graceMinutes", "account", "owner", "team", "promisor", "until", "knownAt", "out"] as const;

async function replay(shell: Shell, account: string | undefined, { policy, ...flags }: Flags): Promise<void> {
  if (policy === undefined) {
    if (account === undefined) throw new CliError(exitCodes.usage, "an account is wanted, or --policy");
    refuse(flags, ofPolicies, "goes with --policy");
    return retell(shell, account, flags);
  }
  refuse(flags, ofSteps, "does not go with --policy");
  const accounts = [...(flags.account ?? []), ...(account === undefined ? [] : [account])];
  return whatIf(shell, { ...flags, policy, ...(accounts.length === 0 ? {} : { account: accounts }) });
}

function refuse(flags: Record<string, unknown>, names: readonly string[], reason: string): void {
  const given = names.find((name) => flags[name] !== undefined);
  if (given === undefined) return;
  throw new CliError(exitCodes.usage, `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${reason}`);
}
