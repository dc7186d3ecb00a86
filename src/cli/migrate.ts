/** `troth migrate`: an embedded ledger to a cluster, and back. */
import { resolve } from "node:path";
import { Command } from "commander";
import { MoveError } from "../composition/move-error.ts";
import { type MovedFromCluster, moveFromCluster } from "../composition/from-cluster.ts";
import { type MovedToCluster, moveToCluster } from "../composition/to-cluster.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { unusableOf } from "./folder.ts";
import { type FolderFlags, folderOf, slugArgument, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & {
  toCluster?: boolean;
  prefix?: string;
  fromCluster?: boolean;
  to?: string;
  toKeysFolder?: string;
  json?: boolean;
};

export const migrateCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("migrate")))
    .summary("move a ledger to a KurrentDB cluster, or back")
    .description(
      "Moves the log, event by event in its order, and the keys of data subjects with it, reads back what was written and holds it against the log and against what was signed. Ids, bytes, order and root stay what they were. No server may run on the ledger meanwhile. Killed, it goes on when it is run again.\nTROTH_KURRENTDB_URL and TROTH_VAULT_URL, or the same names with _FILE, say where cluster and vault are.\nTo a cluster: the data folder becomes its first node. The log that was moved is kept as ledger.moved.db; the keys that were moved are removed, since an erasure would not reach them. Make a backup first. On the folder of a node it finishes a move that was cut short, or gives the cluster again what that has lost.\nFrom a cluster: stop every node; the node's copy becomes a ledger in a new folder, the vault is taken out of the database, and the nodes start no more. Killed, `--to-cluster` on the node's folder gives it up.",
    )
    .option("--to-cluster", "move the ledger of the data folder to a cluster")
    .option("--prefix <prefix>", "before the names of its streams on the cluster (the ledger's name where absent)", slugArgument)
    .option("--from-cluster", "move the ledger of which the data folder is a node to a folder of its own")
    .option("--to <folder>", "with --from-cluster: the data folder to be made")
    .option("--to-keys-folder <folder>", "and the folder of its keys (beside it where absent)")
    .addHelpText(
      "after",
      `
Examples:
  troth migrate --data /srv/troth --to-cluster
  troth migrate --data /srv/troth-node --from-cluster --to /srv/troth
  TROTH_KURRENTDB_URL_FILE=/run/secrets/kurrentdb_url TROTH_VAULT_URL_FILE=/run/secrets/vault_url troth migrate --to-cluster --json
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => migrate(shell, flags));

async function migrate(shell: Shell, flags: Flags): Promise<void> {
  if (flags.toCluster === flags.fromCluster)
    throw new CliError(exitCodes.usage, "say where it is to go: --to-cluster, or --from-cluster with --to");
  await (flags.toCluster === true ? toCluster(shell, flags) : fromCluster(shell, flags));
}

async function toCluster(shell: Shell, flags: Flags): Promise<void> {
  if (flags.to !== undefined)
    throw new CliError(exitCodes.usage, "--to belongs to --from-cluster: the folder itself becomes a node");
  const place = placeOf(flags, shell);
  const folder = resolve(place.folder);
  const prefix = flags.prefix === undefined ? {} : { prefix: flags.prefix };
  const moved = await working(shell, (onProgress) => moveToCluster({ ...place, ...prefix, onProgress }));
  if (flags.json) sayJson(shell, { folder, ...moved });
  else say(shell, ...lines(folder, moved));
}

async function fromCluster(shell: Shell, flags: Flags): Promise<void> {
  if (flags.to === undefined) throw new CliError(exitCodes.usage, "--from-cluster needs --to, the data folder to be made");
  if (flags.prefix !== undefined) throw new CliError(exitCodes.usage, "--prefix belongs to --to-cluster: a node knows its own");
  const keys = flags.toKeysFolder === undefined ? {} : { toKeysFolder: flags.toKeysFolder };
  const { to } = flags;
  const moved = await working(shell, (onProgress) => moveFromCluster({ ...placeOf(flags, shell), to, ...keys, onProgress }));
  if (flags.json) sayJson(shell, moved);
  else say(shell, ...linesFrom(moved));
}

const placeOf = (flags: Flags, shell: Shell) => {
  const { connections = {}, ...where } = folderOf(flags, shell);
  return { ...where, connections };
};

async function working<Result>(
  shell: Shell,
  work: (onProgress: (part: string, share: number) => void) => Promise<Result>,
): Promise<Result> {
  const progress = progressOn(shell);
  try {
    return await unusableOf(() => work((part, share) => progress.at(share, part)));
  } catch (error) {
    if (error instanceof MoveError) throw new CliError(exitCodes.unusable, messageOf(error), { cause: error });
    throw error;
  } finally {
    progress.end();
  }
}

const messageOf = ({ message, cause }: MoveError): string => (cause instanceof Error ? `${message} (${cause.message})` : message);

function* lines(folder: string, { ledger, prefix, events, root, signedSize, wasNode }: MovedToCluster): Generator<string> {
  yield wasNode
    ? `The cluster holds the ${events} events of ${ledger} that this node has, under ${prefix}.`
    : `Moved ${events} events of ${ledger} to the cluster, under ${prefix}, and read them back.`;
  yield `Their root is ${root}.`;
  yield signedSize === null
    ? "No tree head was signed yet."
    : `It bears out the tree head of ${signedSize} events that was signed last.`;
  if (wasNode) return;
  yield `${folder} is a node of the cluster now: \`troth serve --data ${folder}\` goes on there.`;
  yield "Every further node needs a copy of its keys folder, and `troth init --cluster`.";
  yield "ledger.moved.db holds the log as it was moved; delete it when you like. Backups of the ledger from before are of the past now.";
}

function* linesFrom({ ledger, prefix, events, root, signedSize, folder, keysFolder }: MovedFromCluster): Generator<string> {
  yield `Moved ${events} events of ${ledger ?? "the ledger"} from the cluster to ${folder}; its keys lie in ${keysFolder}.`;
  yield `Their root is ${root}.`;
  yield signedSize === null
    ? "No tree head was signed yet."
    : `It bears out the tree head of ${signedSize} events that was signed last.`;
  yield `The vault was taken out of the database, so no node starts any more. What lies under ${prefix} on the cluster may be deleted there.`;
  yield `\`troth serve --data ${folder}\` goes on.`;
}
