/** `troth import`: history from a file, through the same API as everything else. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { extname } from "node:path";
import type { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { Command, Option } from "commander";
import type { Item } from "../../importing/items.ts";
import { FileError } from "../../importing/refusals.ts";
import { commandLineKey, CommandLineKeyRevokedError } from "../../composition/command-line-key.ts";
import { FolderInUseError } from "../../event-store/folder-lock.ts";
import { instantAt, type Slug } from "../../domain/values.ts";
import { CliError } from "../errors.ts";
import { exitCodes, exitCodesHelp } from "../exit-codes.ts";
import { openFolder } from "../folder.ts";
import { type FolderFlags, folderOf, instantArgument, slugArgument, withFolder, withJson } from "../options.ts";
import { progressOn } from "../progress.ts";
import { servedForOneself } from "../served.ts";
import { note, say, sayJson, type Shell } from "../shell.ts";
import type { Target } from "./batch-client.ts";
import { identityUnder } from "./identity.ts";
import { reportLines, Tally } from "./import-report.ts";
import { calendarItems, commandItems, mailItems, rowItems } from "./items.ts";
import { type FileKind, type ReadMapping, readMapping, rowKinds } from "./mapping-file.ts";
import { dryRun, runImport } from "./run-import.ts";

type Flags = FolderFlags & {
  url?: string;
  key?: string;
  kind?: FileKind;
  mapping?: string;
  source?: string;
  upTo?: string;
  results?: string;
  report?: string;
  create?: boolean;
  dryRun?: boolean;
  json?: boolean;
};

export const importCommand = (shell: Shell): Command =>
  withJson(withFolder(new Command("import")))
    .summary("import history: commands, CSV files, calendars, mailboxes")
    .description(
      "Imports a file of commands, one JSON object a line as POST /v1/batch takes them, the rows of a CSV file, the events of a calendar (iCalendar) that took place, or who wrote to whom in a mailbox (mbox or .eml, headers alone). Sends them to a running server, or works on a data folder that nobody serves.\nImporting the same file again adds nothing: a line is known by its own idempotency key or external id, else by its content, as long as the same API key sends it. What a calendar or an export has changed becomes a correction, what it has cancelled a retraction.",
    )
    .argument("<file>", "the file, or - for the input")
    .option("--url <url>", "server to send to (TROTH_URL)")
    .option("--key <key>", "its API key (TROTH_KEY)")
    .addOption(
      new Option(
        "--kind <kind>",
        "what the file is: rows of a CSV file, a calendar or a mailbox (known by .ics, .mbox, .eml)",
      ).choices([...rowKinds, "calendar", "mail"]),
    )
    .option("--mapping <file>", "which columns become which fields, and who stands behind an address (docs/importing.md)")
    .option("--create", "open accounts and add people for addresses that nobody knows yet (calendars and mailboxes)")
    .option("--source <name>", "system that the history comes from; promises are judged once all of it is there", slugArgument)
    .option("--up-to <instant>", "up to when the history is complete (now where absent); needs --source", instantArgument)
    .option("--results <file>", "write what became of each line to a file, as JSON lines with the ids that were made")
    .option("--report <file>", "write every refusal to a file as it is met, as JSON lines, and at its end the counts")
    .option("--dry-run", "look at every line and send nothing")
    .addHelpText(
      "after",
      `
A mapping names, for each field of a command, a column, a fixed value or a template:
  {"timeZone": "Europe/Berlin", "fields": {
    "account":   {"column": "Customer", "map": {"C-17": "acc_…"}},
    "startedAt": {"column": "When", "date": "dd.MM.yyyy HH:mm"},
    "purpose":   {"value": "service"},
    "note":      {"template": "{Subject}: {Remarks}"}}}
Rows of promises know madeAt, dueAt, graceMinutes, finishedAt, fraction and externalId beside the fields of make-promise.
A date without a time of day is the start of that day; as dueAt it is the end of it, the next midnight there.

Examples:
  troth import history.ndjson --source crm --up-to 2026-01-01T00:00:00Z
  troth import visits.csv --kind interactions --mapping examples/mapping-interactions.json --dry-run
  troth import visits.ics --mapping examples/mapping-calendar.json
  troth import sent.mbox --mapping examples/mapping-mail.json --create --report sent.json
  troth import promises.csv --kind promises --mapping examples/mapping-promises.json --source crm --url http://127.0.0.1:7407 --key troth_…
${exitCodesHelp("done", "findings", "usage", "folderInUse", "noLedger", "unusable", "network")}`,
    )
    .action(async (file: string, flags: Flags) => importFile(shell, file, flags));

async function importFile(shell: Shell, file: string, flags: Flags): Promise<void> {
  const { upTo } = flags;
  const read = mappingFor(file, flags);
  const source = flags.source ?? read?.mapping.source;
  if (upTo !== undefined && source === undefined) throw new CliError(exitCodes.usage, "--up-to needs --source");
  if (flags.create && read?.kind !== "calendar" && read?.kind !== "mail")
    throw new CliError(exitCodes.usage, "--create is for calendars and mailboxes");
  const report = linesTo(flags.report);
  const tally = new Tally(shell, file, flags.dryRun ?? false, flags.json ?? false, report.write);
  const content = await contentOf(shell, file);
  const run = { tally, mapping: read !== undefined && "fields" in read.mapping ? read.mapping : undefined };
  try {
    if (flags.dryRun) await dryRun({ ...run, items: itemsOf(content, flags, read, source, identityUnder("dry")) });
    else
      await withTarget(shell, flags, async (target) => {
        const identity = identityUnder(target.key);
        const items = itemsOf(content, flags, read, source, identity);
        const load = loadOf(flags, source, content.digest && identity.hashOf(`${source} ${upTo ?? ""} ${content.digest}`));
        const results = linesTo(flags.results);
        await runImport({ ...run, items }, { ...target, ...load }, identity, (line, answer) =>
          results.write({ ...answer, line }),
        );
        await results.end();
      });
  } catch (error) {
    throw error instanceof FileError ? new CliError(exitCodes.usage, `${file}: ${error.message}`) : error;
  } finally {
    content.progress.end();
    const { refusals: _, warned: __, ...counts } = tally.report;
    report.write({ summary: counts });
    await report.end();
  }
  conclude(shell, flags, tally);
}

const kindsByExtension: Record<string, FileKind> = { ".ics": "calendar", ".ical": "calendar", ".mbox": "mail", ".eml": "mail" };

function mappingFor(file: string, { kind: named, mapping }: Flags): ReadMapping | undefined {
  const extension = extname(file).toLowerCase();
  const kind = named ?? kindsByExtension[extension];
  if (kind === undefined && mapping === undefined) {
    if (extension === ".csv") throw new CliError(exitCodes.usage, "a CSV file needs --kind and --mapping");
    return undefined;
  }
  if (kind === undefined) throw new CliError(exitCodes.usage, "--mapping needs --kind");
  if (mapping === undefined) throw new CliError(exitCodes.usage, `--kind ${kind} needs --mapping`);
  return readMapping(kind, mapping);
}

/** A load of history has its own identity, so that the same import again joins the load that it opened before. */
const loadOf = (flags: Flags, source: string | undefined, idempotencyKey: string | undefined) =>
  source === undefined ? {} : { source, upTo: flags.upTo, idempotencyKey };

type Content = {
  /** The bytes from the beginning, each time. */
  opened(): Readable;
  digest: string | undefined;
  progress: ReturnType<typeof progressOn>;
};

/** The file as a stream that tells how far it was read, and its digest, for which it is read once before. */
async function contentOf(shell: Shell, file: string): Promise<Content> {
  const progress = progressOn(shell);
  if (file === "-") return { opened: () => shell.input, digest: undefined, progress };
  const total = sizeOf(file);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  const opened = (): Readable => {
    const bytes = createReadStream(file);
    let read = 0;
    bytes.on("data", (chunk) => {
      read += chunk.length;
      progress.at(read / total, `${read} of ${total} bytes read`);
    });
    // A listener for data sets the stream going; whoever takes its bytes does so.
    bytes.pause();
    return bytes;
  };
  return { opened, digest: hash.digest("hex"), progress };
}

function sizeOf(file: string): number {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined) throw new CliError(exitCodes.usage, `there is no file ${file}`);
  if (!found.isFile()) throw new CliError(exitCodes.usage, `${file} is no file`);
  return found.size;
}

function itemsOf(
  { opened, digest }: Content,
  { create: creates = false }: Flags,
  read: ReadMapping | undefined,
  source: string | undefined,
  { promiseIdOf }: ReturnType<typeof identityUnder>,
): AsyncIterable<Item> {
  if (read === undefined) return commandItems(opened());
  switch (read.kind) {
    case "calendar":
      if (digest === undefined) throw new CliError(exitCodes.usage, "a calendar is read twice: give a file");
      return calendarItems(opened, { mapping: named(read.mapping, source), creates, now: instantAt(Date.now()) });
    case "mail":
      return mailItems(opened(), { mapping: named(read.mapping, source), creates });
    default:
      return rowItems(opened(), read.kind, { mapping: read.mapping, source, promiseIdOf });
  }
}

/** --source wins over the mapping's. */
const named = <Mapped extends { source: Slug }>(mapping: Mapped, source: string | undefined): Mapped => ({
  ...mapping,
  source: (source as Slug | undefined) ?? mapping.source,
});

/** The server that was named, or one in this process on the folder. */
async function withTarget(shell: Shell, flags: Flags, work: (target: Target) => Promise<void>): Promise<void> {
  const url = flags.url ?? (flags.data === undefined ? shell.env["TROTH_URL"] : undefined);
  if (url !== undefined) {
    const key = flags.key ?? shell.env["TROTH_KEY"];
    if (key === undefined) throw new CliError(exitCodes.usage, "a server needs an API key: --key or TROTH_KEY");
    return work({ url, key });
  }
  const ledger = await openOrPointToServer(shell, flags);
  const server = await servedForOneself(ledger);
  try {
    await work({ url: server.url, key: await commandLineKey(ledger) });
  } catch (error) {
    throw error instanceof CommandLineKeyRevokedError ? new CliError(exitCodes.network, error.message) : error;
  } finally {
    await server.close();
  }
}

async function openOrPointToServer(shell: Shell, flags: Flags) {
  try {
    return await openFolder(folderOf(flags, shell));
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    throw new CliError(exitCodes.folderInUse, `${error.message}; import through that server with --url and --key`);
  }
}

/** A file of JSON lines, where one is asked for. */
function linesTo(path: string | undefined) {
  if (path === undefined) return { write: () => undefined, end: () => undefined };
  const file = createWriteStream(path);
  const written = finished(file);
  // It is told at the end: by then the import has done its work.
  written.catch(() => undefined);
  return {
    write: (value: object) => void file.write(`${JSON.stringify(value)}\n`),
    end: async () => {
      file.end();
      await written;
    },
  };
}

function conclude(shell: Shell, flags: Flags, { report }: Tally): void {
  if (flags.json) sayJson(shell, report);
  else say(shell, ...reportLines(report));
  if (report.refused > 0) shell.exitCode = exitCodes.findings;
  if (report.complete || report.dryRun) return;
  note(shell, "troth: the import broke off before its end; the same import again goes on from there");
  shell.exitCode = exitCodes.network;
}
