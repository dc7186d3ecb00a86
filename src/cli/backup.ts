/** `troth backup`: a copy of a ledger that is in use. */
import { resolve } from "node:path";
import { Command } from "commander";
import { backupFolder, TargetError } from "../composition/backup.ts";
import { BackupDamagedError, type Manifest } from "../composition/backup-manifest.ts";
import { instantAt } from "../domain/values.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { note, say, sayJson, type Shell } from "./shell.ts";
import { version } from "./version.ts";

type Flags = FolderFlags & { withKeys?: boolean; json?: boolean };

export const backupCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("backup")))
    .summary("copy the ledger to a new folder, while a server uses it or not")
    .description(
      "Copies the log and the vault as they are at one moment, checks what was written, and says in manifest.json what it is. Views and tiles are left out: they follow from the log. So are the keys, which belong into a backup of their own; with neither of the two alone anybody's text can be read.\nA copy of the vault brings back whoever was erased after it was made: let vault.db expire within your time limit for erasures. The log may be kept for ever.",
    )
    .argument("<target>", "a folder that is not there yet, or empty")
    .option("--with-keys", "copy the keys too: whoever gets hold of such a backup reads everything, and can sign as the log")
    .addHelpText(
      "after",
      `
Examples:
  troth backup /backup/troth/2026-01-31 --data /srv/troth
  troth backup /mnt/safe/troth --with-keys
${exitCodesHelp("done", "usage", "noLedger", "unusable")}`,
    )
    .action(async (target: string, flags: Flags) => backup(shell, target, flags));

async function backup(shell: Shell, target: string, flags: Flags): Promise<void> {
  const progress = progressOn(shell);
  const withKeys = flags.withKeys ?? false;
  const manifest = await explainingBackups(() =>
    backupFolder({
      ...folderOf(flags, shell),
      ...{ target, withKeys, version },
      now: () => instantAt(Date.now()),
      onProgress: (part, share) => progress.at(share, part),
    }),
  );
  progress.end();
  if (withKeys)
    note(shell, "warning: this backup holds its keys; whoever gets hold of it reads everything and can sign as the log");
  if (flags.json) sayJson(shell, { target: resolve(target), ...manifest });
  else say(shell, ...lines(target, manifest));
}

function* lines(target: string, { head, treeHead, files }: Manifest): Generator<string> {
  yield `Backed up ${head} events to ${resolve(target)}, and checked what was written.`;
  for (const { name, bytes } of files) yield `  ${name.padEnd(16)} ${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  yield treeHead === null
    ? "No tree head was signed yet."
    : `The tree head that was signed last, of ${treeHead.split("\n")[1]} events, agrees with it.`;
  yield "Let vault.db expire within your time limit for erasures: it brings back whoever is erased from now on.";
}

/** Runs what makes or reads a backup. @throws CliError for what the user can put right. */
export async function explainingBackups<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TargetError) throw new CliError(exitCodes.usage, error.message, { cause: error });
    if (error instanceof BackupDamagedError) throw new CliError(exitCodes.unusable, error.message, { cause: error });
    throw error;
  }
}
