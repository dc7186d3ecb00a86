#!/usr/bin/env node
/** The composition root: the one place that sees the process with its arguments, environment and signals. */
import { enableCompileCache } from "node:module";
import { fileURLToPath } from "node:url";
import type { Shell } from "./cli/shell.ts";

// A third of a start's work is compiling what was compiled last time. The cache lies with the packages, where nobody can write who
// could not change the code itself; where it can't be written, there is none. What comes before this line is compiled anew.
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("../node_modules/.cache/compile", import.meta.url));
enableCompileCache();
const [{ exitCodes }, { report }, { runCli }] = await Promise.all([
  import("./cli/exit-codes.ts"),
  import("./cli/errors.ts"),
  import("./cli/program.ts"),
]);

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
