/** `troth sql`: the views asked by an analyst, in SQL. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command, Option } from "commander";
import { askSql, SqlError, type SqlReader } from "../composition/ask-sql.ts";
import { openBeside } from "../composition/beside-server.ts";
import { requireLedger } from "../composition/folder-views.ts";
import type { SqlCell } from "../composition/sql-process.ts";
import { instantAt } from "../domain/values.ts";
import { FolderInUseError } from "../event-store/folder-lock.ts";
import { datasetNames, datasets } from "../exporting/datasets.ts";
import { formats } from "../exporting/formats.ts";
import { viewsPath } from "../projections/database.ts";
import { historyPath } from "../projections/history/history-file.ts";
import { projections } from "../projections/registry.ts";
import type { Vantage } from "../projections/vantage.ts";
import { CliError } from "./errors.ts";
import { exitCodes, exitCodesHelp } from "./exit-codes.ts";
import { withLedger } from "./folder.ts";
import { type FolderFlags, folderOf, withFolder } from "./options.ts";
import { note, say, type Shell } from "./shell.ts";
import { pastWaitMs, type VantageFlags, vantageIn, viewsWaitMs, withVantage } from "./vantage.ts";

const sqlFormats = ["table", "csv", "ndjson"] as const;
type Flags = FolderFlags & VantageFlags & { format: (typeof sqlFormats)[number]; rows: string; seconds: string; views?: boolean };

export const sqlCommand = (shell: Shell): Command =>
  withVantage(withFolder(new Command("sql")))
    .summary("ask the views in SQL")
    .description(
      "Runs one SELECT over the datasets of docs/exports.md, by their names and columns, with SQLite's functions. Nothing can be written, nothing personal can be read, and a statement that takes too long is ended. Works beside a server too.",
    )
    .argument("[select]", "the statement")
    .addOption(new Option("--format <format>", "how rows are written").choices(sqlFormats).default("table"))
    .option("--rows <count>", "rows at most, up to 1000000", "10000")
    .option("--seconds <count>", "time at most, up to 600", "30")
    .option("--views", "list the views and their columns")
    .addHelpText(
      "after",
      `
Examples:
  troth sql --views
  troth sql "SELECT promisor, kept, broken, rate FROM keeping ORDER BY rate DESC LIMIT 10"
  troth sql "SELECT state, count(*) FROM dormancy GROUP BY state" --format csv
  troth sql "SELECT account, score FROM trust" --as-of 2026-01-31 --known-at 2026-03-31
${exitCodesHelp("done", "usage", "noLedger", "unusable")}`,
    )
    .action(async (select: string | undefined, flags: Flags) => sql(shell, select, flags));

async function sql(shell: Shell, select: string | undefined, flags: Flags): Promise<void> {
  if (flags.views === true) return listViews(shell);
  if (select === undefined) throw new CliError(exitCodes.usage, "a SELECT is wanted, or --views");
  const rowCountMax = countIn(flags.rows, "rows", 1_000_000);
  const seconds = countIn(flags.seconds, "seconds", 600);
  const { folder } = folderOf(flags, shell);
  const logPath = requireLedger(folder);
  const past = await caughtUp(shell, flags);
  const path = past === undefined ? viewsPath(resolve(folder), projections) : historyPath(resolve(folder));
  if (!existsSync(path)) throw new CliError(exitCodes.unusable, unbuilt);
  const { reader, end } = writers[flags.format](shell);
  const now = instantAt(Date.now());
  const vantage = past ?? { asOf: now, knownAt: now, size: 0 };
  const request = { path, isPast: past !== undefined, logPath, sql: select, rowCountMax, vantage };
  try {
    await askSql(request, seconds * 1_000, reader);
  } catch (error) {
    throw error instanceof SqlError ? new CliError(exitCodes.usage, error.message) : error;
  }
  end();
}

const unbuilt = "the views are being built; ask again when they are there";

/** Rows of a folder that nobody serves may lag behind the log; a server keeps its own up. @returns where a question of the past stands. */
async function caughtUp(shell: Shell, flags: Flags): Promise<Vantage | undefined> {
  try {
    return await withLedger(folderOf(flags, shell), async ({ host, store, history, readingDesk }) => {
      await host.ready;
      await host.caughtUp(store.log.head(), viewsWaitMs);
      const vantage = vantageIn(readingDesk, flags);
      if (vantage !== undefined) await history.caughtUp(vantage.size, pastWaitMs);
      return vantage;
    });
  } catch (error) {
    if (!(error instanceof FolderInUseError)) throw error;
    return besideServer(folderOf(flags, shell).folder, flags);
  }
}

function besideServer(folder: string, flags: Flags): Vantage | undefined {
  if (!existsSync(viewsPath(resolve(folder), projections))) throw new CliError(exitCodes.unusable, unbuilt);
  const beside = openBeside(resolve(folder));
  try {
    const vantage = vantageIn(beside.desk, flags);
    if (vantage === undefined || beside.pastSize() >= vantage.size) return vantage;
    throw new CliError(
      exitCodes.unusable,
      `the server has kept the past up to ${beside.pastSize()} events so far; ask again in a moment`,
    );
  } finally {
    beside.close();
  }
}

function countIn(text: string, flag: string, max: number): number {
  const count = Number(text);
  if (!/^[1-9]\d{0,6}$/.test(text) || count > max)
    throw new CliError(exitCodes.usage, `--${flag}: a number from 1 to ${max} is wanted`);
  return count;
}

function listViews(shell: Shell): void {
  for (const name of datasetNames) {
    say(shell, `${name}: ${datasets[name].about}`);
    for (const { name: column, type, about } of datasets[name].columns)
      say(shell, `  ${column.padEnd(20)} ${type.padEnd(8)} ${about}`);
  }
}

type Writer = { reader: SqlReader; end(): void };

/** Whatever SQL makes of it, a cell is a text, a number or nothing. */
const cellOf = (cell: SqlCell): string | number | null =>
  typeof cell === "bigint" ? String(cell) : cell instanceof Uint8Array ? Buffer.from(cell).toString("hex") : cell;

function encoding(format: "csv" | "ndjson") {
  return (shell: Shell): Writer => {
    let encoder = formats[format].encoder([], false);
    const write = (text: string | Uint8Array) => void shell.out.write(text as string);
    return {
      reader: {
        columns: (names) =>
          void (encoder = formats[format].encoder(
            names.map((name) => ({ name, type: "text", about: "" })),
            false,
          )),
        rows: (rows) => write(encoder.rows(rows.map((row) => row.map(cellOf)))),
      },
      end: () => write(encoder.end()),
    };
  };
}

function table(shell: Shell): Writer {
  const lines: string[][] = [];
  return {
    reader: {
      columns: (names) => void lines.push([...names]),
      rows: (rows) => void lines.push(...rows.map((row) => row.map((cell) => visible(String(cellOf(cell) ?? ""))))),
    },
    end() {
      const widths = lines[0]!.map((_, column) => lines.reduce((width, line) => Math.max(width, line[column]!.length), 0));
      const padded = (line: readonly string[]) =>
        line
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd();
      const [header, ...rest] = lines;
      say(shell, padded(header!), widths.map((width) => "-".repeat(width)).join("  "), ...rest.map(padded));
      note(shell, `${rest.length} ${rest.length === 1 ? "row" : "rows"}`);
    },
  };
}

/** Nothing in a cell moves the cursor. */
const visible = (text: string): string => text.replace(/\p{C}/gu, "\u{fffd}");

const writers: Record<Flags["format"], (shell: Shell) => Writer> = { table, csv: encoding("csv"), ndjson: encoding("ndjson") };
