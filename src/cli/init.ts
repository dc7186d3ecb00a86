/** `troth init`: a new ledger, and the one key to begin with. */
import { Command } from "commander";
import { basename, resolve } from "node:path";
import { isNode } from "../composition/cluster-node.ts";
import { holdsLedger, initLedger, initNode, keysFolderOf } from "../composition/ledger-folder.ts";
import { keyScope } from "../domain/key.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { unusableOf } from "./folder.ts";
import { type FolderFlags, folderOf, slugArgument, withFolder, withJson } from "./options.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { name?: string; json?: boolean; cluster?: boolean; prefix?: string };

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
    .option(
      "--cluster",
      "make a node of a cluster: of the ledger that lies there, or of a new one (TROTH_KURRENTDB_URL and TROTH_VAULT_URL, or the same names with _FILE, say where)",
    )
    .option(
      "--prefix <prefix>",
      "before the names of the ledger's streams on the cluster (the ledger's name where absent)",
      slugArgument,
    )
    .addHelpText(
      "after",
      `
Examples:
  troth init
  troth init --data /srv/troth --name north-sales
  troth init --json | jq -r .secret
  TROTH_KURRENTDB_URL='kurrentdb://127.0.0.1:2113?tls=false' TROTH_VAULT_URL=postgres://127.0.0.1/vault troth init --cluster --name north-sales --data /srv/node-1
${exitCodesHelp("done", "usage", "folderInUse", "noLedger")}`,
    )
    .action(async (flags: Flags) => init(shell, flags));

async function init(shell: Shell, flags: Flags): Promise<void> {
  const where = folderOf(flags, shell);
  const folder = resolve(where.folder);
  const keysFolder = keysFolderOf(where);
  if (flags.cluster === true) return initNodeOf(shell, flags);
  if (flags.prefix !== undefined)
    throw new CliError(exitCodes.usage, "--prefix is of a ledger on a cluster: give --cluster with it");
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

async function initNodeOf(shell: Shell, flags: Flags): Promise<void> {
  const where = folderOf(flags, shell);
  const folder = resolve(where.folder);
  const keysFolder = keysFolderOf(where);
  const name = flags.name ?? nameOf(folder);
  if (isNode(folder) || holdsLedger(folder))
    throw new CliError(exitCodes.noLedger, `there is a ledger in ${folder} already; \`troth serve\` opens it`);
  const { ledger, secret } = await unusableOf(() =>
    initNode({ ...where, name, prefix: flags.prefix ?? name, adminScopes: keyScope.options }),
  );
  const events = ledger.store.log.head();
  await ledger.close();
  if (flags.json) return sayJson(shell, { folder, keysFolder, events, ...(secret === undefined ? {} : { secret }) });
  say(
    shell,
    ...(secret === undefined
      ? [`${folder} is a node of the ledger; ${events} events were copied.`]
      : [
          `Made a ledger on the cluster, and a node of it in ${folder}`,
          `Its keys lie in ${keysFolder}: back them up, and give a copy to every other node.`,
          "",
          ...adminKeyLines(secret),
        ]),
    "",
    "Next:",
    `  troth serve --data ${where.folder}`,
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
