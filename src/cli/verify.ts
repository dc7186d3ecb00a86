/** `troth verify`: is this evidence true? Offline, with nothing but the bundle and the auditor's own files. */
import { Command, InvalidArgumentError } from "commander";
import { reportLines } from "../verifier/report-lines.ts";
import { runVerification, type VerifyOptions } from "../verifier/run.ts";
import { plainJson, plainLine } from "../verifier/terminal.ts";
import type { ExitCode } from "./exit-codes.ts";
import { withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { note, say, type Shell } from "./shell.ts";

type Flags = Omit<VerifyOptions, "bundle"> & { json?: boolean };

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export const verifyCommand = (shell: Shell): Command =>
  withJson(new Command("verify"))
    .summary("check an evidence bundle offline: that nothing was altered, dropped or back-dated, and that verdicts follow")
    .description(
      "Checks an evidence bundle, the whole log or a dossier: the signed tree head and its witnesses, every leaf, earlier tree heads, receipts, form, order and time of every event, every verdict and census reached again, and disclosed text. Needs no server, no ledger and no secret. Keys come from your policy, never from the bundle.",
    )
    .argument("<bundle>", "a bundle as an archive or as a folder, or - for the input")
    .requiredOption("--policy <file>", "whom you trust: lines log, witness, group and quorum (docs/audit.md)")
    .option("--since <file>", "a signed tree head that you kept, which the log must extend; may be repeated", collect)
    .option("--receipt <file>", "a receipt that you kept; may be repeated", collect)
    .option("--leaf <file>", "the event that one of the receipts is of, byte for byte; may be repeated", collect)
    .option("--as-of <instant>", "up to when the evidence must be complete")
    .option("--lag-minutes <minutes>", "how long a verdict may be due before it must be on record (60 where absent)", minutes)
    .addHelpText(
      "after",
      `
Examples:
  troth verify log.tar --policy policy.txt
  troth verify dossier.tar --policy policy.txt --since kept-head.txt --receipt visit.receipt --as-of 2026-06-30
  troth verify log.tar --policy policy.txt --json | jq .firstBadLeaf

Exit codes:
  0   verified
  1   tampered with, or contradicting itself or what you kept
  2   not usable: no bundle, or your own files can't be read
  3   sound, but quorum, times or completeness are not what you asked for
  70  a fault of Troth's own`,
    )
    .action(async (bundle: string, flags: Flags) => verify(shell, bundle, flags));

async function verify(shell: Shell, bundle: string, { json, ...flags }: Flags): Promise<void> {
  const progress = progressOn(shell);
  const { code, report, unusable } = await runVerification({ bundle, ...flags }, shell.input, (done, of) =>
    progress.at(done / of, `${done} of ${of} leaves verified`),
  );
  progress.end();
  shell.exitCode = code as ExitCode;
  if (report === undefined) {
    if (json) say(shell, plainJson({ format: "troth-report/1", exitCode: code, outcome: "unusable", message: unusable }));
    note(shell, plainLine(`troth: ${unusable}`));
    return;
  }
  if (json) say(shell, plainJson(report));
  else say(shell, ...reportLines(report));
}

function minutes(value: string): number {
  if (!/^\d{1,7}$/.test(value)) throw new InvalidArgumentError("A number of minutes is wanted.");
  return Number(value);
}
