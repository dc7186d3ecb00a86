/** `troth rotate-log-key`: the log passes to a new key, with the old one's signature. */
import { Command } from "commander";
import { rotateLogKeyAs } from "../commands/tree-heads.ts";
import type { Instant } from "../domain/values.ts";
import type { OpenLedger } from "../composition/ledger-folder.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, instantArgument, withFolder, withJson } from "./options.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { oldKeyUntil?: Instant; json?: boolean };

export const rotateLogKeyCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("rotate-log-key")))
    .summary("give the log a new key, which the old one vouches for")
    .description(
      "Makes a new key in the keys folder and records LogKeyRotated, signed by both keys. Tree heads are then signed by both until the old key is destroyed. Wants the folder to itself; while a server runs, send POST /v1/audit/rotate-key. Do it every year or two, and at once where the old key may have been read by others. Back up the keys folder afterwards.",
    )
    .option("--old-key-until <instant>", "until when both keys sign (30 days from now where absent)", instantArgument)
    .addHelpText(
      "after",
      `
Examples:
  troth rotate-log-key --data /srv/troth
  troth rotate-log-key --old-key-until 2026-01-01     a day that has passed: the old key is destroyed at once
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => rotate(shell, flags));

async function rotate(shell: Shell, flags: Flags): Promise<void> {
  const { keys, oldKeyUntil } = await onFolder(flags, shell, async (ledger) => {
    const { desk, auditLog, store } = ledger;
    await startedSigning(ledger);
    const asked = flags.oldKeyUntil === undefined ? {} : { oldKeyUntil: flags.oldKeyUntil };
    const actor = { kind: "system", id: "command-line" } as const;
    const { events } = await rotateLogKeyAs(desk, asked, { actor, correlation: "rotate-log-key" });
    const { leaf } = store.log.readById(events[0]!.id)!;
    // Signed with it, so the new key is in its place.
    await auditLog.treeHeadOf(store.log.head());
    const { data } = JSON.parse(Buffer.from(leaf).toString("utf8")) as { data: { oldKeyUntil: string } };
    return { keys: auditLog.verifierKeys(), oldKeyUntil: data.oldKeyUntil };
  });
  if (flags.json) return sayJson(shell, { key: keys[0], earlier: keys.slice(1), oldKeyUntil });
  say(
    shell,
    "The log's key is now",
    `  ${keys[0]}`,
    `Tree heads are signed by the old key too until ${oldKeyUntil}.`,
    "Tell it to your witnesses and auditors, and back up the keys folder.",
  );
}

/** @throws CliError where the log can't be signed. */
async function startedSigning({ auditLog, store }: OpenLedger): Promise<void> {
  const failed = new Promise<never>((_, reject) =>
    auditLog.start((trouble) => reject(new CliError(exitCodes.unusable, `the log can't be signed: ${trouble}`))),
  );
  await Promise.race([auditLog.treeHeadOf(store.log.head()), failed]);
}

async function onFolder<Result>(flags: Flags, shell: Shell, work: (ledger: OpenLedger) => Promise<Result>): Promise<Result> {
  try {
    return await withLedger(folderOf(flags, shell), work);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CliError(
      exitCodes.folderInUse,
      `${error.message}; while a server runs, rotate through its API: POST /v1/audit/rotate-key`,
    );
  }
}
