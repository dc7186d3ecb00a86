/** `troth keys`: the API keys of a ledger that no server holds. */
import { randomUUID } from "node:crypto";
import { Command, Option } from "commander";
import type { z } from "zod";
import { issueKeyFor } from "../commands/administration.ts";
import { requireParty } from "../commands/references.ts";
import type { OpenLedger } from "../composition/ledger-folder.ts";
import { key, keyScope, type KeyScope } from "../domain/key.ts";
import { keyId, type PartyId, partyId, type Slug } from "../domain/values.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { answer } from "../queries/asking.ts";
import { listKeys } from "../queries/administration.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, slugArgument, withFolder, withJson } from "./options.ts";
import { say, sayJson, type Shell } from "./shell.ts";

type Flags = FolderFlags & { json?: boolean };
type IssueFlags = Flags & { scope: KeyScope[]; party?: string };
type KeyRow = { id: string; label: string; scopes: string[]; party: string | null; issuedAt: string; revokedAt: string | null };

/** The command line speaks for whoever holds the folder, and for no key. */
const actor = { kind: "system", id: "command-line" } as const;

export function keysCommand(shell: Shell): Command {
  const command = new Command("keys")
    .summary("list, issue and revoke API keys, while no server runs")
    .description("Works on the data folder itself. While a server holds it, its API is the way: GET and POST /v1/keys.");
  command.addCommand(listCommand(shell)).addCommand(issueCommand(shell)).addCommand(revokeCommand(shell));
  return command.addHelpText("after", exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable"));
}

const listCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("list")))
    .description("every key that was issued, without its secret")
    .addHelpText("after", "\nExample:\n  troth keys list --json")
    .action(async (flags: Flags) => {
      const keys = await onFolder(shell, flags, readKeys);
      if (flags.json) sayJson(shell, { items: keys });
      else say(shell, ...keys.map(keyLine));
    });

const issueCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("issue")))
    .description("make a key; its secret is printed this once")
    .argument("<label>", "what it is for, in lower-case words joined by hyphens", slugArgument)
    .addOption(
      new Option("--scope <scope...>", "what it may do; may be repeated").choices(keyScope.options).makeOptionMandatory(),
    )
    .option("--party <id>", "the person or account that it speaks for, and for which alone")
    .addHelpText(
      "after",
      "\nExamples:\n  troth keys issue calendar --scope record\n  troth keys issue buyer --scope record read --party per_…",
    )
    .action(async (label: string, flags: IssueFlags) => {
      const party = flags.party === undefined ? undefined : parsed(partyId, flags.party, "is no id of a person or account");
      const { id, secret } = await onFolder(shell, flags, async ({ desk }) => {
        if (party !== undefined) await requireParty(desk, party as PartyId, "/party");
        return issueKeyFor(desk, { label: label as Slug, scopes: flags.scope, party: party as PartyId | undefined }, actor);
      });
      if (flags.json) sayJson(shell, { id, label, scopes: flags.scope, party: party ?? null, secret });
      else say(shell, `Issued ${id}. Its secret, shown this once:`, `  ${secret}`);
    });

const revokeCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("revoke")))
    .description("revoke a key; it is refused from the next start of the server on")
    .argument("<key>", "its id, as `troth keys list` shows it")
    .addHelpText("after", "\nExample:\n  troth keys revoke key_…")
    .action(async (text: string, flags: Flags) => {
      const id = parsed(keyId, text, "is no id of a key");
      const { events } = await onFolder(shell, flags, async ({ desk: { ledger } }) => {
        const { state } = await ledger.load(key, `key-${id}`);
        if (state.status === "none") throw new CliError(exitCodes.usage, `there is no key ${id}`);
        return ledger.handle(key, `key-${id}`, { type: "RevokeKey", at: ledger.now() }, { actor, correlation: randomUUID() });
      });
      const isNew = events.length > 0;
      if (flags.json) sayJson(shell, { id, revoked: isNew });
      else say(shell, isNew ? `Revoked ${id}.` : `${id} had been revoked before.`);
    });

function parsed<Schema extends z.ZodType>(schema: Schema, text: string, reason: string): z.output<Schema> {
  const result = schema.safeParse(text);
  if (!result.success) throw new CliError(exitCodes.usage, `${text} ${reason}`);
  return result.data;
}

async function onFolder<Result>(shell: Shell, flags: Flags, work: (ledger: OpenLedger) => Promise<Result>): Promise<Result> {
  try {
    return await withLedger(folderOf(flags, shell), work);
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CliError(
      exitCodes.folderInUse,
      `${error.message}; while a server runs, keys are managed through its API: /v1/keys`,
    );
  }
}

async function readKeys({ host, store, readingDesk }: OpenLedger): Promise<KeyRow[]> {
  await host.ready;
  await host.caughtUp(store.log.head(), 60_000);
  const listed = await answer(readingDesk, listKeys, {
    params: {},
    query: {},
    caller: { key: "key_0000000000000000" as never, scopes: ["admin"] },
  });
  return (listed as { items: KeyRow[] }).items;
}

const keyLine = ({ id, label, scopes, party, issuedAt, revokedAt }: KeyRow): string =>
  [id, label.padEnd(16), scopes.join(","), party ?? "", `issued ${issuedAt}`, revokedAt === null ? "" : `revoked ${revokedAt}`]
    .filter((part) => part !== "")
    .join("  ");
