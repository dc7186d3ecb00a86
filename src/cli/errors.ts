/** From any error to one sentence and an exit code. */
import { CommanderError } from "commander";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { note, type Shell } from "./shell.ts";

/** Something that the user can put right, said in one sentence. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CliError";
    this.exitCode = exitCode;
  }
}

type Explained = { message: string; exitCode: ExitCode };

/** By name: whoever asks for help, or verifies a file, should not have to load the ledger for the classes of its errors. */
const exitCodesByName: Record<string, ExitCode> = {
  FolderInUseError: exitCodes.folderInUse,
  NoLedgerError: exitCodes.noLedger,
  ClockBehindError: exitCodes.unusable,
  LogFormatError: exitCodes.unusable,
  DomainError: exitCodes.usage,
};

function explained(error: unknown): Explained {
  if (error instanceof CliError) return { message: error.message, exitCode: error.exitCode };
  const { name, code, message } = (error ?? {}) as NodeJS.ErrnoException;
  const known = Object.hasOwn(exitCodesByName, String(name)) ? exitCodesByName[name] : undefined;
  if (known !== undefined) return { message, exitCode: known };
  if (name === "StoreUnavailableError") return { message: withCause(error), exitCode: exitCodes.unusable };
  if (code === "EADDRINUSE") return { message: `${message}: another program listens there`, exitCode: exitCodes.network };
  if (code === "EACCES" || code === "ENOENT" || code === "EROFS" || code === "ENOTDIR" || code === "EISDIR")
    return { message, exitCode: exitCodes.usage };
  return { message: withCause(error), exitCode: exitCodes.fault };
}

const withCause = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
};

/** Says what went wrong on the error output. @returns the exit code. */
export function report(error: unknown, shell: Shell): ExitCode {
  // Commander has said it already, or it was no error: help and version were asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  const { message, exitCode } = explained(error);
  note(shell, `troth: ${message}`);
  if (shell.env["TROTH_DEBUG"] && error instanceof Error) note(shell, error.stack ?? "");
  return exitCode;
}
