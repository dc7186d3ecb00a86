/** Options that several subcommands share, and what they mean together with the environment. */
import { readFileSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { FolderOptions } from "../composition/ledger-folder.ts";
import { CliError } from "./errors.ts";
import { exitCodes } from "./exit-codes.ts";
import type { Shell } from "./shell.ts";

export type FolderFlags = { data?: string; keysFolder?: string };

export const withFolder = (command: Command): Command =>
  command
    .option("--data <folder>", "data folder (TROTH_DATA; ./troth-data where absent)")
    .option("--keys-folder <folder>", "folder of the keys (TROTH_KEYS_FOLDER; beside the data folder where absent)");

/** @throws CliError for a connection string that lies in a file that can't be read. */
export function folderOf(flags: FolderFlags, { env }: Shell): Pick<FolderOptions, "folder" | "keysFolder" | "connections"> {
  const folder = flags.data ?? env["TROTH_DATA"] ?? "./troth-data";
  const keysFolder = flags.keysFolder ?? env["TROTH_KEYS_FOLDER"];
  const connections = { events: secretIn(env, "TROTH_KURRENTDB_URL"), vault: secretIn(env, "TROTH_VAULT_URL") };
  return { folder, ...(keysFolder === undefined ? {} : { keysFolder }), connections };
}

/** A secret from the environment, or from the file that `<name>_FILE` names, as containers are given theirs. */
function secretIn(env: Shell["env"], name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (file === undefined || env[name] !== undefined) return env[name];
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CliError(exitCodes.usage, `${name}_FILE names ${file}, which can't be read: ${(error as Error).message}`);
  }
}

export const withJson = (command: Command): Command => command.option("--json", "answer in JSON, for machines");

/** A value that matches, or a sentence on the error output. */
export const matching =
  (pattern: RegExp, what: string) =>
  (value: string): string => {
    if (!pattern.test(value)) throw new InvalidArgumentError(what);
    return value;
  };

export const slugArgument = matching(/^(?=.{1,40}$)[a-z0-9]+(-[a-z0-9]+)*$/, "Lower-case words joined by hyphens are wanted.");
export const instantArgument = (value: string): string => {
  const ms = Date.parse(value);
  if (Number.isNaN(ms) || !/^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/.test(value))
    throw new InvalidArgumentError(
      "An instant with its zone is wanted, such as 2026-01-31T00:00:00Z, or a date (its start in UTC).",
    );
  return new Date(ms).toISOString();
};

export function portOf(flag: string | undefined, { env }: Shell, usual: number): number {
  const text = flag ?? env["TROTH_PORT"] ?? String(usual);
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new CliError(exitCodes.usage, `${text} is no port: 0 to 65535 is wanted`);
  return port;
}
