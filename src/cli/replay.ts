/** `troth replay`: history again, under another policy. */
import { Command } from "commander";
import { exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, instantArgument, withFolder, withJson } from "./options.ts";
import type { Shell } from "./shell.ts";
import { whatIf, type WhatIfFlags } from "./what-if.ts";

type Flags = FolderFlags & WhatIfFlags & { json?: boolean };

const collected = (value: string, before: string[] = []): string[] => [...before, value];

export const replayCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("replay")))
    .summary("what would hold under another policy")
    .description(
      "Runs the ledger, or a part of it, under another policy and says which verdicts, scores, states and ranks would differ, by how much, and why. The log is only read and nothing is recorded. While a server holds the folder, POST /v1/replay is the way.",
    )
    .requiredOption("--policy <file>", "the other policy, as JSON; what is left out takes its default")
    .option("--grace-minutes <count>", "judge every promise as if it had been made with this grace")
    .option("--account <id>", "this account alone; may be given several times", collected)
    .option("--owner <person>", "accounts that this person owns")
    .option("--team <team>", "accounts whose owner is in this team")
    .option("--promisor <party>", "what this party promised")
    .option("--from <instant>", "outcomes from this instant on", instantArgument)
    .option("--until <instant>", "outcomes before this instant", instantArgument)
    .option("--known-at <size>", "rest on the first so many events of the log")
    .option("--out <file>", "write every difference into a new file, one a line")
    .addHelpText(
      "after",
      `
Examples:
  troth replay --policy strict.json
  troth replay --policy strict.json --account acc_0000000000000001 --out differences.ndjson
  troth replay --policy strict.json --grace-minutes 1440 --json
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => whatIf(shell, flags));
