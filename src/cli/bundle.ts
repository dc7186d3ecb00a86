/** `troth bundle`: evidence for an auditor, to be verified without us. */
import { createWriteStream, renameSync, rmSync } from "node:fs";
import { once } from "node:events";
import { Command, InvalidArgumentError, Option } from "commander";
import type { z } from "zod";
import { bundleFolder, NoHeadError, NothingToTellError } from "../composition/folder-bundle.ts";
import { accountId, promiseId } from "../domain/values.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { type FolderFlags, folderOf, withFolder, withJson } from "./options.ts";
import { progressOn } from "./progress.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & {
  out: string;
  account?: string;
  promise?: string;
  since?: number[];
  head: "newest" | "cosigned";
  open?: boolean;
  json?: boolean;
};

export const bundleCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("bundle")))
    .summary("write evidence for an auditor: the whole log, or all that concerns one account or promise")
    .description(
      "Writes an evidence bundle that `troth verify` checks without this ledger. It holds no personal text unless --open is given, and then every opening is written to the access log. May run beside a server, and then ends at the tree head that the server signed last; otherwise the log is signed up to its end first.",
    )
    .requiredOption("--out <file>", "the archive to write")
    .addOption(new Option("--account <id>", "the dossier of this account").argParser(parsed(accountId)))
    .addOption(
      new Option("--promise <id>", "the dossier of this promise, and of the account that it concerns")
        .argParser(parsed(promiseId))
        .conflicts("account"),
    )
    .option("--since <size>", "of a dossier: size of a tree head that the auditor keeps; may be repeated", sizes)
    .addOption(
      new Option("--head <which>", "where the bundle ends: at the newest tree head, or the newest that a witness has cosigned")
        .choices(["newest", "cosigned"])
        .default("newest"),
    )
    .option("--open", "disclose sealed text with what proves it")
    .addHelpText(
      "after",
      `
Examples:
  troth bundle --out log.tar
  troth bundle --out log.tar --head cosigned --open
  troth bundle --out dossier.tar --promise prm_… --since 4711
${exitCodesHelp("done", "usage", "noLedger", "unusable")}`,
    )
    .action(async (flags: Flags) => bundle(shell, flags));

async function bundle(shell: Shell, flags: Flags): Promise<void> {
  const progress = progressOn(shell);
  const onProgress = (done: number, of: number) => progress.at(done / of, `${done} of ${of} leaves written`);
  const { account, promise, since = [], head, open = false } = flags;
  const options = { ...folderOf(flags, shell), account, promise, since, head, open, onProgress };
  const { size, origin } = await written(flags.out, (write) => bundleFolder(options, write));
  progress.end();
  if (flags.json) sayJson(shell, { out: flags.out, origin, size });
  else say(shell, `Wrote ${whatOf(flags)} of ${origin} at ${size} leaves to ${flags.out}.`);
}

const whatOf = ({ account, promise }: Flags): string =>
  account === undefined && promise === undefined ? "the whole log" : `the dossier of ${promise ?? account}`;

const parsed =
  (schema: z.ZodType<string>) =>
  (value: string): string => {
    if (!schema.safeParse(value).success) throw new InvalidArgumentError("An id is wanted, such as acc_… or prm_….");
    return value;
  };

function sizes(value: string, before: number[] = []): number[] {
  if (!/^[1-9][0-9]{0,14}$/.test(value)) throw new InvalidArgumentError("A number of leaves is wanted.");
  return [...before, Number(value)];
}

/** The file appears under its name once it is whole. */
async function written<Result>(
  path: string,
  make: (write: (bytes: Uint8Array) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  const draft = `${path}.${process.pid}.part`;
  const file = createWriteStream(draft, { flags: "wx", mode: 0o600 });
  const failed = once(file, "error").then(([error]) => Promise.reject(error as Error));
  failed.catch(() => undefined);
  try {
    const result = await Promise.race([
      failed,
      make(async (bytes) => {
        if (!file.write(bytes)) await Promise.race([once(file, "drain"), failed]);
      }),
    ]);
    await Promise.race([failed, new Promise<void>((done) => file.end(done))]);
    renameSync(draft, path);
    return result as Result;
  } catch (error) {
    file.destroy();
    rmSync(draft, { force: true });
    if (error instanceof NoHeadError || error instanceof NothingToTellError) throw new CliError(exitCodes.usage, error.message);
    throw error;
  }
}
