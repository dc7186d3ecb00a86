/** The composition root: the one place that sees the process with its arguments, environment and signals. `troth.js` begins it. */
import { report } from "./cli/errors.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { runCli } from "./cli/program.ts";
import type { Shell } from "./cli/shell.ts";

const shell: Shell = {
  env: process.env,
  input: process.stdin,
  out: process.stdout,
  err: process.stderr,
  exitCode: exitCodes.done,
  onSignal: (handle) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, handle);
  },
  exitNow: (code) => process.exit(code),
};

// Whoever reads the output may stop reading, as `head` does.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(exitCodes.done);
});
process.on("uncaughtException", (error) => process.exit(report(error, shell)));

process.exitCode = await runCli(process.argv.slice(2), shell);
