/** What a file holds, line by line, before anything of it is sent. */
import type { Readable } from "node:stream";
import { linesOf } from "../../api/batch/lines.ts";
import { csvRows } from "../../importing/csv.ts";
import { columnsOf, type ImportKind, type Mapping } from "../../importing/mapping.ts";
import { RowError } from "../../importing/refusals.ts";
import { type CommandLine, type Imported, importedFrom, type RowContext } from "../../importing/rows.ts";

export type Item = { line: number } & (Imported | { field: string; reason: string });

/** The API takes no longer ones. */
const lineBytesMax = 256 * 1024;

/** Lines as `POST /v1/batch` takes them. */
export async function* commandItems(bytes: Readable): AsyncGenerator<Item> {
  for await (const { number, bytes: text } of linesOf(bytes, lineBytesMax)) {
    if (text === undefined) yield { line: number, field: "", reason: `is longer than ${lineBytesMax} bytes` };
    else yield { line: number, ...commandIn(number === 1 ? withoutMark(text) : text) };
  }
}

const withoutMark = (text: Buffer): Buffer =>
  text.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? text.subarray(3) : text;

function commandIn(text: Buffer): Imported | { field: string; reason: string } {
  let value: unknown;
  try {
    value = JSON.parse(text.toString("utf8"));
  } catch {
    return { field: "", reason: "is not JSON" };
  }
  if (typeof value !== "object" || value === null || typeof (value as CommandLine).command !== "string")
    return { field: "/command", reason: "must name a command" };
  return { lines: [value as CommandLine], warnings: [] };
}

/** Rows of a CSV file as commands. */
export async function* rowItems(bytes: Readable, kind: ImportKind, context: RowContext): AsyncGenerator<Item> {
  const { mapping } = context;
  for await (const read of csvRows(bytes, mapping.delimiter, columnsIn(mapping))) {
    const { line } = read;
    if ("reason" in read) yield { line, field: "", reason: read.reason };
    else yield { line, ...attempted(() => importedFrom(kind, read.row, context)) };
  }
}

const columnsIn = ({ fields }: Mapping): string[] => [...new Set(Object.values(fields).flatMap(columnsOf))];

function attempted(work: () => Imported): Imported | { field: string; reason: string } {
  try {
    return work();
  } catch (error) {
    if (error instanceof RowError) return { field: `/${error.field.replaceAll(".", "/")}`, reason: error.message };
    throw error;
  }
}
