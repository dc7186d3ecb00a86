/** `troth erase`: a person's or an account's text, for good. */
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { Command } from "commander";
import { erase } from "../commands/erasure.ts";
import { type Slug, subjectId } from "../domain/values.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { type Acknowledgement, ApiClient } from "./api-client.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, slugArgument, withFolder, withJson } from "./options.ts";
import { note, say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { url?: string; key?: string; reason?: string; yes?: boolean; json?: boolean };

export const eraseCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("erase")))
    .summary("erase the personal text of a person or an account, for good")
    .description(
      "Destroys the key of a data subject and overwrites its sealed text: names, contact details, notes, words of promises. Nothing brings them back. Ids, dates, terms and verdicts stay, and with them every proof.\nSends the command to a running server, or works on a data folder that nobody serves. Asks for the id once more unless --yes is given. Repeating it adds nothing, and finishes what was interrupted.",
    )
    .argument("<subject>", "id of the person or account")
    .option("--yes", "do not ask")
    .option("--reason <reason>", "why, in lower-case words joined by hyphens; stays in the log for ever", slugArgument)
    .option("--url <url>", "server to send to (TROTH_URL)")
    .option("--key <key>", "its API key, with the scope admin (TROTH_KEY)")
    .addHelpText(
      "after",
      `
Examples:
  troth erase per_… --reason subject-asked
  troth erase per_… --yes --url http://127.0.0.1:7407 --key troth_…
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable", "network")}`,
    )
    .action(async (subject: string, flags: Flags) => eraseOne(shell, subject, flags));

async function eraseOne(shell: Shell, subject: string, flags: Flags): Promise<void> {
  if (!subjectId.safeParse(subject).success) throw new CliError(exitCodes.usage, `${subject} is no id of a person or account`);
  if (flags.yes !== true) await confirm(shell, subject);
  const { events } = await send(shell, subject, flags);
  const isNew = events.length > 0;
  if (flags.json) return sayJson(shell, { subject, erased: isNew });
  say(
    shell,
    isNew ? `Erased ${subject}: its key is destroyed and its text overwritten.` : `${subject} had been erased before.`,
    "Out of reach are copies of vault.db from before, as long as they are kept, and what was handed out.",
  );
}

/** @throws CliError unless the id is typed again. */
async function confirm(shell: Shell, subject: string): Promise<void> {
  note(shell, `Nothing brings the text of ${subject} back. Type the id again to erase it:`);
  for await (const line of createInterface({ input: shell.input })) {
    if (line.trim() === subject) return;
    break;
  }
  throw new CliError(exitCodes.usage, "that is not the id: nothing was erased");
}

type Sent = Pick<Acknowledgement, "id"> & { events: readonly unknown[] };

async function send(shell: Shell, subject: string, flags: Flags): Promise<Sent> {
  const url = flags.url ?? (flags.data === undefined ? shell.env["TROTH_URL"] : undefined);
  if (url === undefined) return onFolder(shell, subject, flags);
  const key = flags.key ?? shell.env["TROTH_KEY"];
  if (key === undefined) throw new CliError(exitCodes.usage, "a server needs an API key: --key or TROTH_KEY");
  const body = flags.reason === undefined ? {} : { reason: flags.reason };
  return new ApiClient(url, key).command("erase-subject", { params: { subject }, body });
}

/** The command line speaks for whoever holds the folder, and for no key. */
async function onFolder(shell: Shell, subject: string, flags: Flags): Promise<Sent> {
  try {
    return await withLedger(folderOf(flags, shell), async ({ desk, erasures }) => {
      await erasures.finish();
      const meta = { actor: { kind: "system", id: "command-line" } as const, correlation: randomUUID() };
      return erase(desk, { subject: subjectId.parse(subject), reason: flags.reason as Slug | undefined }, meta);
    });
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CliError(exitCodes.folderInUse, `${error.message}; erase through that server with --url and --key`);
  }
}
