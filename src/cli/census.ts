/** `troth census`: how many events each account has, put on record for auditors. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Command } from "commander";
import { takeCensusAs } from "../commands/census.ts";
import type { OpenLedger } from "../composition/ledger-folder.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { TreeBehindError } from "../transparency/audit-log.ts";
import { CensusBehindError, type RecordedCensus } from "../transparency/census.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { note, say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { json?: boolean };
type Taken = { isNew: boolean; census: RecordedCensus };

export const censusCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("census")))
    .summary("count every account's events and put the root on record")
    .description(
      "Counts the whole log, account by account, and records the root over the counts, so that an account's dossier shows that nothing was left out. A server does so by itself once a day; while one holds the folder, POST /v1/audit/census is the way.",
    )
    .addHelpText(
      "after",
      `
Examples:
  troth census
  troth census --data /srv/troth --json
${exitCodesHelp("done", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => census(shell, flags));

async function census(shell: Shell, flags: Flags): Promise<void> {
  const { isNew, census: taken } = await onFolder(shell, flags);
  const { event, position, treeSize, accounts } = taken;
  const root = Buffer.from(taken.root).toString("base64");
  if (flags.json) return sayJson(shell, { isNew, event, position, treeSize, accounts, root });
  say(
    shell,
    isNew ? `Took a census of ${treeSize} events.` : `The last census, of ${treeSize} events, still holds.`,
    `  accounts  ${accounts}`,
    `  root      ${root}`,
    `  event     ${event} at position ${position}`,
  );
}

async function onFolder(shell: Shell, flags: Flags): Promise<Taken> {
  try {
    return await withLedger(folderOf(flags, shell), async (ledger) => {
      const onTrouble = (message: string) => note(shell, `warning: ${message}`);
      ledger.auditLog.start(onTrouble);
      ledger.census.start(onTrouble);
      return taken(shell, ledger);
    });
  } catch (error) {
    if (error instanceof FolderInUseError)
      throw new CliError(exitCodes.folderInUse, `${error.message}; while a server runs, ask it: POST /v1/audit/census`);
    if (error instanceof Error && error.name === "LogDivergedError") throw new CliError(exitCodes.unusable, error.message);
    throw error;
  }
}

const waitMs = 250;

/** However long the log: what is behind catches up. */
async function taken(shell: Shell, { desk, census: counted }: OpenLedger): Promise<Taken> {
  const actor = { kind: "system", id: "command-line" } as const;
  for (;;) {
    try {
      const { isReplay } = await takeCensusAs(desk, { actor, correlation: randomUUID() });
      return { isNew: !isReplay, census: counted.latest()! };
    } catch (error) {
      if (!(error instanceof CensusBehindError || error instanceof TreeBehindError)) throw error;
      if (error instanceof CensusBehindError) note(shell, error.message);
      await delay(waitMs);
    }
  }
}
