/** What a file holds, piece by piece, before anything of it is sent. */
import type { Readable } from "node:stream";
import { linesOf } from "../../api/batch/lines.ts";
import { type CalendarContext, calendarItems } from "../../importing/calendar/calendar.ts";
import { csvRows } from "../../importing/csv.ts";
import { decoded } from "../../importing/decoding.ts";
import { attempted, type CommandLine, type Imported, type Item, type Refused } from "../../importing/items.ts";
import { type MailContext, mailItems } from "../../importing/mail/mail.ts";
import { columnsIn, type ImportKind } from "../../importing/mapping.ts";
import { importedFrom, type RowContext } from "../../importing/rows.ts";

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

function commandIn(text: Buffer): Imported | Refused {
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
  for await (const read of csvRows(decoded(bytes, mapping.encoding), mapping.delimiter, columnsIn(mapping))) {
    const { line } = read;
    if ("reason" in read) yield { line, field: "", reason: read.reason };
    else yield { line, ...attempted(() => importedFrom(kind, read.row, context)) };
  }
}

export { type CalendarContext, calendarItems, type MailContext, mailItems };
