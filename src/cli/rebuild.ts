/** `troth rebuild`: the views anew from the log. */
import { Command } from "commander";
import { rebuildFolder, type Rebuilt } from "../composition/folder-views.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { verify?: boolean; json?: boolean };

export const rebuildCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("rebuild")))
    .summary("build the views anew from the log")
    .description(
      "Builds every view anew from the log, beside the old ones, and swaps them in. The log is only read. No server may hold the folder.",
    )
    .option("--verify", "compare the digest of the old views with that of the new ones")
    .addHelpText(
      "after",
      `
Examples:
  troth rebuild
  troth rebuild --verify --json
${exitCodesHelp("done", "findings", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => rebuild(shell, flags));

async function rebuild(shell: Shell, flags: Flags): Promise<void> {
  const { folder } = folderOf(flags, shell);
  const progress = progressOn(shell);
  const startedAt = Date.now();
  const rebuilt: Rebuilt = await rebuildFolder(folder, {
    verify: flags.verify,
    onProgress: ({ position, head }) => progress.at(position / head, `${position} of ${head} events`),
  });
  progress.end();
  const { position, verified } = rebuilt;
  const before = verified?.before ?? null;
  const same = before === null ? null : before.digest === before.expected;
  if (same === false) shell.exitCode = exitCodes.findings;
  if (flags.json) return sayJson(shell, { position, same, before, after: verified?.after ?? null });
  say(shell, `Rebuilt the views from ${position} events in ${((Date.now() - startedAt) / 1000).toFixed(1)} s.`);
  if (verified !== undefined) say(shell, ...digestLines(before, verified.after));
  if (same === false) say(shell, "The old views were not what the log says. They have been replaced.");
}

function* digestLines(before: NonNullable<Rebuilt["verified"]>["before"], after: string): Generator<string> {
  if (before === null) yield "  digest before  none: there were no views to compare";
  else yield `  digest before  ${before.digest} at position ${before.position}`;
  if (before !== null && before.expected !== after) yield `  rebuilt there  ${before.expected}`;
  yield `  digest after   ${after}`;
}
