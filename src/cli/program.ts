/** The command line as a whole. */
import { Command } from "commander";
import { report } from "./errors.ts";
import { type ExitCode, everyExitCode, exitCodesHelp } from "./exit-codes.ts";
import { censusCommand } from "./census.ts";
import { checkCommand } from "./check.ts";
import { backupCommand } from "./backup.ts";
import { demoCommand } from "./demo/demo.ts";
import { eraseCommand } from "./erase.ts";
import { importCommand } from "./import/import.ts";
import { initCommand } from "./init.ts";
import { keysCommand } from "./keys.ts";
import { rebuildCommand } from "./rebuild.ts";
import { replayCommand } from "./replay.ts";
import { restoreCommand } from "./restore.ts";
import { rotateLogKeyCommand } from "./rotate-log-key.ts";
import { serveCommand } from "./serve.ts";
import type { Shell } from "./shell.ts";
import { statusCommand } from "./status.ts";
import { bundleCommand } from "./bundle.ts";
import { verifyCommand } from "./verify.ts";
import { version } from "./version.ts";
import { witnessCommand } from "./witness.ts";

const subcommands = [
  demoCommand,
  initCommand,
  serveCommand,
  keysCommand,
  importCommand,
  eraseCommand,
  statusCommand,
  checkCommand,
  censusCommand,
  rebuildCommand,
  replayCommand,
  backupCommand,
  restoreCommand,
  rotateLogKeyCommand,
  witnessCommand,
  bundleCommand,
  verifyCommand,
];

export function programFor(shell: Shell): Command {
  const program = new Command("troth")
    .description("A ledger of promises: made, kept, and proved.")
    .version(version, "--version", "print the version")
    .helpCommand(false)
    .addHelpText(
      "after",
      `
Begin with \`troth demo\`, which tells a story and leaves nothing behind, or with \`troth serve\`.
\`troth <command> --help\` shows examples. TROTH_DEBUG=1 adds the stack to an error.
${exitCodesHelp(...everyExitCode)}`,
    );
  for (const subcommand of subcommands) program.addCommand(subcommand(shell));
  for (const command of withSubcommands(program)) {
    command.exitOverride().showSuggestionAfterError();
    command.configureOutput({
      writeOut: (text) => void shell.out.write(text),
      writeErr: (text) => void shell.err.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "troth: ")),
      getOutHelpWidth: () => shell.out.columns ?? 100,
      getErrHelpWidth: () => shell.err.columns ?? 100,
    });
  }
  return program;
}

const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

/** @param argv the arguments alone, without the program's name. */
export async function runCli(argv: readonly string[], shell: Shell): Promise<ExitCode> {
  try {
    await programFor(shell).parseAsync(argv, { from: "user" });
    return shell.exitCode;
  } catch (error) {
    return report(error, shell);
  }
}
