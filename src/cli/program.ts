/** The command line as a whole. */
import { Command } from "commander";
import { report } from "./errors.ts";
import { type ExitCode, everyExitCode, exitCodesHelp } from "./exit-codes.ts";
import type { Shell } from "./shell.ts";
import { version } from "./version.ts";

/** By name, in the order of the help. Loaded when asked for: all of them together take longer to load than most take to run. */
const subcommands: Record<string, () => Promise<(shell: Shell) => Command>> = {
  demo: async () => (await import("./demo/demo.ts")).demoCommand,
  init: async () => (await import("./init.ts")).initCommand,
  serve: async () => (await import("./serve.ts")).serveCommand,
  keys: async () => (await import("./keys.ts")).keysCommand,
  import: async () => (await import("./import/import.ts")).importCommand,
  export: async () => (await import("./export.ts")).exportCommand,
  sql: async () => (await import("./sql.ts")).sqlCommand,
  erase: async () => (await import("./erase.ts")).eraseCommand,
  status: async () => (await import("./status.ts")).statusCommand,
  check: async () => (await import("./check.ts")).checkCommand,
  census: async () => (await import("./census.ts")).censusCommand,
  rebuild: async () => (await import("./rebuild.ts")).rebuildCommand,
  replay: async () => (await import("./replay.ts")).replayCommand,
  backup: async () => (await import("./backup.ts")).backupCommand,
  restore: async () => (await import("./restore.ts")).restoreCommand,
  migrate: async () => (await import("./migrate.ts")).migrateCommand,
  "rotate-log-key": async () => (await import("./rotate-log-key.ts")).rotateLogKeyCommand,
  witness: async () => (await import("./witness.ts")).witnessCommand,
  bundle: async () => (await import("./bundle.ts")).bundleCommand,
  verify: async () => (await import("./verify.ts")).verifyCommand,
};

async function programFor(argv: readonly string[], shell: Shell): Promise<Command> {
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
  for (const subcommand of await Promise.all(asked(argv).map((load) => load()))) program.addCommand(subcommand(shell));
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

/** The one that is called, or all of them for whoever asks what there is, or calls what is not there. */
function asked([first = ""]: readonly string[]) {
  if (Object.hasOwn(subcommands, first)) return [subcommands[first]!];
  return first === "--version" ? [] : Object.values(subcommands);
}

const withSubcommands = (command: Command): Command[] => [command, ...command.commands.flatMap(withSubcommands)];

/** @param argv the arguments alone, without the program's name. */
export async function runCli(argv: readonly string[], shell: Shell): Promise<ExitCode> {
  try {
    const program = await programFor(argv, shell);
    await program.parseAsync(argv, { from: "user" });
    return shell.exitCode;
  } catch (error) {
    return report(error, shell);
  }
}
