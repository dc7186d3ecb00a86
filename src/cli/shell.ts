/** What a subcommand sees of the machine that it runs on. `main.ts` makes the real one. */
import type { Readable } from "node:stream";
import type { ExitCode } from "./exit-codes.ts";

export type Output = { write(text: string): unknown; isTTY?: boolean; columns?: number };

export type Shell = {
  env: Readonly<Record<string, string | undefined>>;
  input: Readable;
  /** Answers. */
  out: Output;
  /** Everything that is no answer: progress, warnings, errors. */
  err: Output;
  /** Calls `handle` at SIGINT and SIGTERM instead of ending the process. */
  onSignal(handle: (signal: "SIGINT" | "SIGTERM") => void): void;
  /** Ends the process at once, without cleaning up. */
  exitNow(code: number): never;
  /** What the process will exit with; a subcommand sets it where it is not 0. */
  exitCode: ExitCode;
};

export const say = ({ out }: Pick<Shell, "out">, ...lines: string[]): void => void out.write(`${lines.join("\n")}\n`);
export const note = ({ err }: Pick<Shell, "err">, ...lines: string[]): void => void err.write(`${lines.join("\n")}\n`);
export const sayJson = (shell: Pick<Shell, "out">, value: unknown): void => say(shell, JSON.stringify(value));
