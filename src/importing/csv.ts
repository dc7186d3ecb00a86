/** Rows of a CSV file, in bounded memory: RFC 4180 with a byte order mark, any line ends, and faults told row by row. */
import { type Info, parse } from "csv-parse";
import type { Readable } from "node:stream";
import type { Row } from "./fields.ts";

export type CsvRow = { line: number } & ({ row: Row } | { reason: string });

/** The file can't be read as this CSV at all. */
export class CsvError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CsvError";
  }
}

const rowBytesMax = 256 * 1024;

type Parsed = { record: string[]; info: Info };

/**
 * @param columns those that the header must have.
 * @throws CsvError for a header that lacks a column or names one twice, and for a quote that is never closed.
 */
export async function* csvRows(bytes: Readable, delimiter: string, columns: readonly string[]): AsyncGenerator<CsvRow> {
  const parser = parse({
    bom: true,
    delimiter,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: rowBytesMax,
  });
  bytes.on("error", (error) => parser.destroy(error));
  bytes.pipe(parser);
  let header: string[] | undefined;
  let line = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      if (header === undefined) header = checkedHeader(record, columns);
      else yield rowOf(record, header, line);
      // Where the next row begins: a quoted cell may hold line ends.
      line = info.lines + 1;
    }
  } catch (error) {
    throw faultOf(error, line);
  } finally {
    bytes.destroy();
  }
  if (header === undefined) throw new CsvError("the file has no header line");
}

function checkedHeader(record: string[], columns: readonly string[]): string[] {
  const header = record.map((name) => name.trim());
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw new CsvError(`the column "${twice}" stands twice in the header`);
  const lacking = columns.filter((name) => !header.includes(name));
  if (lacking.length > 0)
    throw new CsvError(
      `the header has no column ${lacking.map((name) => `"${name}"`).join(", ")}; it has ${header.map((name) => `"${name}"`).join(", ")}`,
    );
  return header;
}

function rowOf(record: string[], header: readonly string[], line: number): CsvRow {
  if (record.length !== header.length)
    return { line, reason: `has ${record.length} cells where the header has ${header.length}` };
  return { line, row: Object.fromEntries(header.map((name, index) => [name, record[index]!])) };
}

function faultOf(error: unknown, line: number): unknown {
  const { code } = error as { code?: string };
  if (code === "CSV_MAX_RECORD_SIZE")
    return new CsvError(`the row at line ${line} is longer than ${rowBytesMax} bytes: is a quote not closed?`);
  if (code?.startsWith("CSV_"))
    return new CsvError(`the row at line ${line} is no CSV: a quote stands where none may, or is not closed`);
  return error;
}
