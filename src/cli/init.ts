/** `troth init`: a new ledger, and the one key to begin with. */
import { Command } from "commander";
import { basename, resolve } from "node:path";
import { holdsLedger, initLedger, keysFolderOf } from "../composition/ledger-folder.ts";
import { keyScope } from "../domain/key.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, slugArgument, withFolder, withJson } from "./options.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { name?: string; json?: boolean };

export const initCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("init")))
    .summary("make a ledger in a new folder and print its admin key")
    .description(
      "Makes a ledger in a new or empty data folder, and its keys beside it. Prints an admin key with every scope, this once: the ledger knows its hash alone.",
    )
    .option(
      "--name <name>",
      "name of the ledger, in lower-case words joined by hyphens (the folder's name where absent)",
      slugArgument,
    )
    .addHelpText(
      "after",
      `
Examples:
  troth init
  troth init --data /srv/troth --name north-sales
  troth init --json | jq -r .secret
${exitCodesHelp("done", "usage", "folderInUse", "noLedger")}`,
    )
    .action(async (flags: Flags) => init(shell, flags));

async function init(shell: Shell, flags: Flags): Promise<void> {
  const where = folderOf(flags, shell);
  const folder = resolve(where.folder);
  const keysFolder = keysFolderOf(where);
  const secret = await makeLedger(where, flags.name);
  if (flags.json) return sayJson(shell, { folder, keysFolder, secret });
  say(shell, `Made a ledger in ${folder}`, `Its keys lie in ${keysFolder}: back both up, and apart from each other.`, "");
  say(
    shell,
    ...adminKeyLines(secret),
    "",
    "Next:",
    `  troth serve --data ${where.folder}`,
    `  troth keys issue calendar --scope record --data ${where.folder}`,
  );
}

/** @returns the secret of the admin key. @throws CliError where there is a ledger already. */
export async function makeLedger(where: { folder: string; keysFolder?: string }, name?: string): Promise<string> {
  if (holdsLedger(where.folder))
    throw new CliError(exitCodes.noLedger, `there is a ledger in ${resolve(where.folder)} already; \`troth serve\` opens it`);
  const { ledger, secret } = await initLedger({
    ...where,
    name: name ?? nameOf(where.folder),
    adminScopes: keyScope.options,
  });
  await ledger.close();
  return secret;
}

export const adminKeyLines = (secret: string): string[] => ["Admin key, shown this once:", `  ${secret}`];

/** The folder's own name as far as it is one that a ledger can have. */
const nameOf = (folder: string): string =>
  basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40)
    .replace(/-+$/, "") || "troth";
