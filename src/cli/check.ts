/** `troth check`: is everything in the folder as it was written? */
import { Command } from "commander";
import { checkFolder, type CheckReport } from "../composition/folder-check.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { deep?: boolean; json?: boolean };

export const checkCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("check")))
    .summary("look for damage in the log, the vault and what is derived")
    .description(
      "Reads the whole log: its file, positions and streams without gaps, each event against its schema, log time. Opens the vault with its keys. With --deep it also builds the views and the past anew in a scratch folder and compares them. Changes nothing, and may run beside a server.",
    )
    .option("--deep", "compare the views and the past with a rebuild up to the same position")
    .addHelpText(
      "after",
      `
Examples:
  troth check
  troth check --deep --json
${exitCodesHelp("done", "findings", "noLedger")}`,
    )
    .action(async (flags: Flags) => check(shell, flags));

async function check(shell: Shell, flags: Flags): Promise<void> {
  const progress = progressOn(shell);
  const report = await checkFolder({
    ...folderOf(flags, shell),
    deep: flags.deep ?? false,
    onProgress: (part, share) => progress.at(share, part),
  });
  progress.end();
  if (report.findings.length > 0) shell.exitCode = exitCodes.findings;
  if (flags.json) sayJson(shell, report);
  else say(shell, ...lines(report));
}

function* lines({ events, views, past, findings }: CheckReport): Generator<string> {
  for (const { part, kind, message } of findings) yield `${part}: ${message} [${kind}]`;
  if (views === null) yield "There are no views yet; the next start builds them.";
  if (views != null) yield `The views at position ${views.position} have digest ${views.digest}.`;
  if (past != null) yield `The past at position ${past.position} has digest ${past.digest}.`;
  yield findings.length === 0
    ? `Checked ${events} events: nothing is wrong.`
    : `Checked ${events} events: ${findings.length} findings.`;
}
