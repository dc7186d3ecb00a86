/** `troth restore`: a ledger from a backup. */
import { resolve } from "node:path";
import { Command } from "commander";
import type { Restored } from "../composition/restore.ts";
import { restoreBackup } from "../composition/restore.ts";
import { explainingBackups } from "./backup.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { withoutVault?: boolean; json?: boolean };

export const restoreCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("restore")))
    .summary("make a ledger from a backup, in a new data folder")
    .description(
      "Checks every file of the backup, copies log and vault into a new data folder, and holds the log against what was signed last. Whoever was erased since the backup was made is erased again. Views and tiles are built at the next start.\nThe keys must be there, in the keys folder; it takes them from the backup where that has them and the folder does not.",
    )
    .argument("<backup>", "the folder that `troth backup` made")
    .option("--without-vault", "the copy of the vault has expired: restore without it; what is sealed can't be opened then")
    .addHelpText(
      "after",
      `
Examples:
  troth restore /backup/troth/2026-01-31 --data /srv/troth
  troth restore /backup/troth/2025-01-31 --data /srv/troth --without-vault
${exitCodesHelp("done", "usage", "folderInUse", "unusable")}`,
    )
    .action(async (backup: string, flags: Flags) => restore(shell, backup, flags));

async function restore(shell: Shell, backup: string, flags: Flags): Promise<void> {
  const progress = progressOn(shell);
  const where = folderOf(flags, shell);
  const restored = await explainingRestore({
    ...where,
    backup,
    withoutVault: flags.withoutVault ?? false,
    onProgress: (part, share) => progress.at(share, part),
  });
  progress.end();
  const { manifest, keysFolder, keysRestored, erased, lastKnownHead = null } = restored;
  const { ledger, head, madeAt } = manifest;
  const folder = resolve(where.folder);
  if (flags.json) return sayJson(shell, { folder, keysFolder, keysRestored, ledger, head, madeAt, erased, lastKnownHead });
  say(shell, ...lines(folder, restored));
}

/** Keys that do not fit are told in plain errors, as they are at every start. */
async function explainingRestore(options: Parameters<typeof restoreBackup>[0]): Promise<Restored> {
  return explainingBackups(async () => {
    try {
      return await restoreBackup(options);
    } catch (error) {
      const isPlain = error instanceof Error && (error.name === "Error" || error.name === "AuditError");
      if (!isPlain || ("code" in error && (error as NodeJS.ErrnoException).syscall !== undefined)) throw error;
      throw new CliError(exitCodes.unusable, error.message, { cause: error });
    }
  });
}

function* lines(folder: string, { manifest, keysFolder, keysRestored, erased, lastKnownHead }: Restored): Generator<string> {
  yield `Restored ${manifest.head} events of ${manifest.madeAt} to ${folder}.`;
  yield keysRestored ? `Its keys were taken from the backup to ${keysFolder}.` : `Its keys are those in ${keysFolder}.`;
  for (const subject of erased) yield `Erased again: ${subject}.`;
  if (lastKnownHead === undefined) return;
  const { size, root } = lastKnownHead;
  yield "";
  yield `The log lacks something that was signed: the head of ${size} events with root ${root}.`;
  yield "If a newer backup or the old disk has it, restore that. Until you decide, facts are recorded and nothing is signed.";
  yield "To give the lost part up, for all auditors to see, send this to the server with a key of scope admin:";
  yield `  POST /v1/audit/resume  ${JSON.stringify({ lastKnownHead })}`;
}
