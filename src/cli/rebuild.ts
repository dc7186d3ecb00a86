/** `troth rebuild`: what is derived anew from the log. */
import { Command } from "commander";
import { type Compared, rebuildFolder, type RebuiltFile } from "../composition/folder-views.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { verify?: boolean; json?: boolean };

export const rebuildCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("rebuild")))
    .summary("build the views and the past anew from the log")
    .description(
      "Builds every view anew from the log, beside the old ones, and swaps them in; the past too, where there is a file of it. The log is only read. No server may hold the folder.",
    )
    .option("--verify", "compare the digests of the old rows with those of the new ones")
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
  const rebuilt = await rebuildFolder(folder, {
    verify: flags.verify,
    onProgress: ({ position, head }) => progress.at(position / head, `${position} of ${head} events`),
  });
  progress.end();
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const [views, past] = [compared(rebuilt.views), rebuilt.past === null ? null : compared(rebuilt.past)];
  if (views.same === false || past?.same === false) shell.exitCode = exitCodes.findings;
  if (flags.json) return sayJson(shell, { ...views, past });
  say(shell, `Rebuilt the views${past === null ? "" : " and the past"} from ${views.position} events in ${seconds} s.`);
  if (rebuilt.views.verified !== undefined) say(shell, ...digestLines(views, "views"));
  if (rebuilt.past?.verified !== undefined) say(shell, ...digestLines(past!, "past"));
}

type ComparedFile = Pick<RebuiltFile, "position"> & { same: boolean | null; before: Compared | null; after: string | null };

function compared({ position, verified }: RebuiltFile): ComparedFile {
  const before = verified?.before ?? null;
  const same = before === null ? null : before.digest === before.expected;
  return { position, same, before, after: verified?.after ?? null };
}

function* digestLines({ before, after, same }: ComparedFile, what: "views" | "past"): Generator<string> {
  yield `The ${what}:`;
  if (before === null) yield "  digest before  none: there was nothing to compare";
  else yield `  digest before  ${before.digest} at position ${before.position}`;
  if (before !== null && before.expected !== after) yield `  rebuilt there  ${before.expected}`;
  yield `  digest after   ${after}`;
  if (same === false) yield `  What was there was not what the log says. It has been replaced.`;
}
