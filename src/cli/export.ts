/** `troth export`: a dataset into a file, from a folder that nobody serves. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { Argument, Command, Option } from "commander";
import { exporterOf, type OpenLedger } from "../composition/ledger-folder.ts";
import type { KeyId } from "../domain/values.ts";
import { type DatasetName, datasetNames, datasets, noTextReason } from "../exporting/datasets.ts";
import { eventsHaveNoAsOf, ExportKeyError, keyIn, type OpenText } from "../exporting/export.ts";
import { type FormatName, formatNames } from "../exporting/formats.ts";
import { presentReading } from "../queries/asking.ts";
import { openPersonal } from "../queries/personal.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, withFolder } from "./options.ts";
import { note, type Shell } from "./shell.ts";
import { pastWaitMs, type VantageFlags, vantageIn, viewsWaitMs, withVantage } from "./vantage.ts";

type Flags = FolderFlags & VantageFlags & { format: FormatName; out?: string; after?: string; personal?: boolean };

export const exportCommand = (shell: Shell): Command =>
  withVantage(withFolder(new Command("export")))
    .summary("take a dataset home: JSON lines, CSV or Parquet")
    .description(
      "Writes a whole dataset, in the order of its key. docs/exports.md lists the columns. While a server holds the folder, GET /v1/exports is the way.",
    )
    .addArgument(new Argument("<dataset>", "which").choices(datasetNames))
    .addOption(new Option("--format <format>", "how it is written").choices(formatNames).default("ndjson"))
    .option("--out <file>", "a new file, which is there once it is whole; standard output where absent")
    .option("--after <key>", "go on after the row with this key")
    .option("--personal", "sealed text too, opened; written to the access log")
    .addHelpText(
      "after",
      `
Examples:
  troth export occurrences --format parquet --out occurrences.parquet
  troth export accounts --format csv > accounts.csv
  troth export events --after 4711
  troth export trust --format csv --as-of 2026-01-31 --known-at 2026-03-31
${exitCodesHelp("done", "usage", "folderInUse", "noLedger", "unusable")}`,
    )
    .action(async (dataset: DatasetName, flags: Flags) => exportDataset(shell, dataset, flags));

async function exportDataset(shell: Shell, dataset: DatasetName, flags: Flags): Promise<void> {
  const { format, out } = flags;
  if (format === "parquet" && out === undefined)
    throw new CliError(exitCodes.usage, "a Parquet file needs a place: --out <file>");
  if (out !== undefined && existsSync(out))
    throw new CliError(exitCodes.usage, `${out} is there already; nothing is overwritten`);
  if (flags.personal === true && datasets[dataset].sealed === undefined)
    throw new CliError(exitCodes.usage, `--personal: ${noTextReason(dataset)}`);
  if (dataset === "events" && flags.asOf !== undefined) throw new CliError(exitCodes.usage, `--as-of: ${eventsHaveNoAsOf}`);
  checkKey(dataset, flags.after);
  const stopping = new AbortController();
  shell.onSignal(() => stopping.abort(new CliError(exitCodes.usage, "stopped; nothing was written")));
  await withLedger(folderOf(flags, shell), async (ledger) => {
    const write = out === undefined ? standardOutput(shell) : wholeFile(out);
    try {
      await send(ledger, dataset, flags, stopping.signal, write.bytes);
      write.done();
    } catch (error) {
      write.abandon();
      throw error;
    }
  });
  if (out !== undefined) note(shell, `wrote ${out}`);
}

/** Before the folder is opened, which takes a moment. */
function checkKey(dataset: DatasetName, after: string | undefined): void {
  try {
    keyIn(datasets[dataset], after);
  } catch (error) {
    throw error instanceof ExportKeyError ? new CliError(exitCodes.usage, `--after ${error.message}`) : error;
  }
}

async function send(
  ledger: OpenLedger,
  dataset: DatasetName,
  { format, after, personal, ...asked }: Flags,
  signal: AbortSignal,
  write: (bytes: string | Uint8Array) => void,
): Promise<void> {
  const { host, store } = ledger;
  await host.ready;
  await host.caughtUp(store.log.head(), viewsWaitMs);
  const open = personal === true ? openerOf(ledger) : undefined;
  const vantage = vantageIn(ledger.readingDesk, asked);
  const begun = await exporterOf(ledger, { restPerWork: 0, pastWaitMs })({ dataset, format, after, open, signal, vantage });
  for await (const bytes of begun.bytes) write(bytes);
}

/** As bundles made on the folder itself: by nobody's key, and in the access log all the same. */
const openerOf =
  ({ readingDesk }: OpenLedger): OpenText =>
  (items) =>
    openPersonal(
      presentReading(readingDesk),
      { key: "command-line" as KeyId, scopes: ["personal"], party: undefined },
      "export",
      items,
    );

type Writing = { bytes(bytes: string | Uint8Array): void; done(): void; abandon(): void };

const standardOutput = ({ out }: Shell): Writing => ({
  bytes: (bytes) => void out.write(bytes as string),
  done: () => undefined,
  abandon: () => undefined,
});

/** Half of a file is never found under its name. */
function wholeFile(path: string): Writing {
  const partial = `${path}.part`;
  const file = openSync(partial, "w");
  return {
    bytes: (bytes) => void writeSync(file, bytes as Uint8Array),
    done() {
      fsyncSync(file);
      closeSync(file);
      renameSync(partial, path);
    },
    abandon() {
      closeSync(file);
      rmSync(partial, { force: true });
    },
  };
}
