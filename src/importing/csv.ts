/** Rows of a CSV file, in bounded memory: RFC 4180 with a byte order mark, any line ends, and faults told row by row. */
import { CsvError as ParseError, type Info, parse } from "csv-parse";
import { type Readable, Transform } from "node:stream";
import type { Row } from "./fields.ts";
import { FileError } from "./refusals.ts";

export type CsvRow = { line: number } & ({ row: Row } | { reason: string });

const rowBytesMax = 256 * 1024;

type Parsed = { record: string[]; info: Info };

/**
 * @param columns those that the header must have.
 * @throws FileError for a header that lacks a column or names one twice, and for a quote that stands where none may.
 */
export async function* csvRows(bytes: Readable, delimiter: string, columns: readonly string[]): AsyncGenerator<CsvRow> {
  // Empty lines are passed over here and not by the parser, whose own count of lines also takes a line end in quotes for two.
  const header = new Header(columns);
  const parser = parse({
    ...{ bom: true, delimiter, info: true, relax_column_count: true, max_record_size: rowBytesMax },
    on_record: (read: unknown) => header.see(read as Parsed) as never,
  });
  const lines = new LineCount();
  bytes.on("error", (error) => parser.destroy(error));
  bytes.pipe(lines).pipe(parser);
  let line = 1;
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      if (record !== header.record && (record.length > 1 || record[0] !== "")) yield rowOf(record, header.checked(), line);
      line = 1 + lines.endedBefore(info.bytes);
    }
  } catch (error) {
    // A wrong delimiter shows in the header first, and in quotes further on.
    if (header.record !== undefined) header.checked();
    throw error instanceof ParseError ? faultOf(error) : error;
  } finally {
    bytes.destroy();
  }
  header.checked();
}

/** The first record. The parser reads on ahead of whoever takes its rows, so the header is kept as soon as it was read. */
class Header {
  readonly #columns: readonly string[];
  #names: string[] | undefined;
  record: string[] | undefined;

  constructor(columns: readonly string[]) {
    this.#columns = columns;
  }

  see(parsed: Parsed): Parsed {
    this.record ??= parsed.record;
    return parsed;
  }

  /** @throws FileError */
  checked(): string[] {
    if (this.record === undefined) throw new FileError("the file has no header line");
    return (this.#names ??= checkedHeader(this.record, this.#columns));
  }
}

const lineFeed = 0x0a;

/** Passes bytes on and knows where their lines end, as far as nobody has asked about them yet. */
class LineCount extends Transform {
  readonly #ends: number[] = [];
  #passed = 0;
  #count = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    for (let at = chunk.indexOf(lineFeed); at !== -1; at = chunk.indexOf(lineFeed, at + 1)) this.#ends.push(this.#passed + at);
    this.#passed += chunk.length;
    done(null, chunk);
  }

  /** How many lines end before an offset; offsets are asked in order. */
  endedBefore(offset: number): number {
    const next = this.#ends.findIndex((end) => end >= offset);
    this.#count += this.#ends.splice(0, next === -1 ? this.#ends.length : next).length;
    return this.#count;
  }
}

function checkedHeader(record: string[], columns: readonly string[]): string[] {
  const header = record.map((name) => name.trim());
  const twice = header.find((name, index) => header.indexOf(name) !== index);
  if (twice !== undefined) throw new FileError(`the column "${twice}" stands twice in the header`);
  const lacking = columns.filter((name) => !header.includes(name));
  if (lacking.length > 0)
    throw new FileError(
      `the header has no column ${lacking.map((name) => `"${name}"`).join(", ")}; it has ${header.map((name) => `"${name}"`).join(", ")}`,
    );
  return header;
}

function rowOf(record: string[], header: readonly string[], line: number): CsvRow {
  if (record.length !== header.length)
    return { line, reason: `has ${record.length} cells where the header has ${header.length}` };
  return { line, row: Object.fromEntries(header.map((name, index) => [name, record[index]!])) };
}

/** @param error says where it noticed the fault; the cause may lie before. */
function faultOf({ code, lines }: ParseError & { lines?: number }): FileError {
  const where = `near line ${lines ?? 1}`;
  if (code === "CSV_MAX_RECORD_SIZE")
    return new FileError(`a row ${where} is longer than ${rowBytesMax} bytes: is a quote not closed?`);
  return new FileError(`${where} is no CSV: a quote stands where none may, or is not closed`);
}
