/** Rows as bytes: lines of JSON, CSV, Parquet. An encoder takes batches of rows and never holds more than one group of them. */
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { Column } from "./datasets.ts";

/** A cell as SQLite gives it: `json` as its text, `boolean` as 0 or 1. */
export type Cell = string | number | null;
export type Row = readonly Cell[];

export type Encoder = {
  /** What is ready to be sent, empty where nothing is. */
  rows(rows: readonly Row[]): string | Uint8Array;
  end(): string | Uint8Array;
};

export const formatNames = ["ndjson", "csv", "parquet"] as const;
export type FormatName = (typeof formatNames)[number];

export type Format = {
  mediaType: string;
  /** @param goesOn the rows follow others that the reader has, so there is no second header. */
  encoder(columns: readonly Column[], goesOn: boolean): Encoder;
};

export const formats: Readonly<Record<FormatName, Format>> = {
  ndjson: { mediaType: "application/x-ndjson; charset=utf-8", encoder: (columns) => ndjson(columns) },
  csv: { mediaType: "text/csv; charset=utf-8", encoder: csv },
  parquet: { mediaType: "application/vnd.apache.parquet", encoder: (columns) => parquet(columns) },
};

function ndjson(columns: readonly Column[]): Encoder {
  const names = columns.map(({ name }) => JSON.stringify(name));
  const line = (row: Row) => `{${row.map((cell, index) => `${names[index]!}:${jsonOf(cell, columns[index]!)}`).join(",")}}\n`;
  return { rows: (rows) => rows.map(line).join(""), end: () => "" };
}

function jsonOf(cell: Cell, { type }: Column): string {
  if (cell === null) return "null";
  if (type === "json") return cell as string;
  return type === "boolean" ? String(cell === 1) : JSON.stringify(cell);
}

/** RFC 4180: lines end with CR LF, and a cell with a quote, a comma or a line end stands in quotes. */
function csv(columns: readonly Column[], goesOn: boolean): Encoder {
  let header = goesOn ? "" : `${columns.map(({ name }) => name).join(",")}\r\n`;
  const line = (row: Row) => `${row.map((cell, index) => csvCell(cell, columns[index]!)).join(",")}\r\n`;
  const withHeader = (text: string) => {
    const all = header + text;
    header = "";
    return all;
  };
  return { rows: (rows) => withHeader(rows.map(line).join("")), end: () => withHeader("") };
}

function csvCell(cell: Cell, { type }: Column): string {
  if (cell === null) return "";
  if (type === "boolean") return String(cell === 1);
  if (typeof cell === "number") return String(cell);
  const safe = beginsFormula.test(cell) ? `'${cell}` : cell;
  return needsQuotes.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** What a spreadsheet would run. With the apostrophe before it, it shows the text. */
const beginsFormula = /^[=+\-@\t\r]/;
const needsQuotes = /[",\r\n]/;

/** Rows of one group: what is held in memory, and what a reader must read at least. */
const rowGroupCount = 5_000;

function parquet(columns: readonly Column[]): Encoder {
  const writer = new ByteWriter();
  const file = new ParquetWriter({
    writer,
    schema: [{ name: "root", num_children: columns.length }, ...columns.map(elementOf)],
    createdBy: "troth",
  });
  const held: Row[] = [];
  const taken = (): Uint8Array => {
    const bytes = writer.getBytes().slice();
    // What was taken is not to be given out again; offsets in the file count on.
    writer.index = 0;
    return bytes;
  };
  const writeGroup = () => {
    const group = held.splice(0, rowGroupCount);
    const columnData = columns.map(({ name, type }, index) => ({
      name,
      data: group.map((row) => parquetValue(row[index]!, type)),
    }));
    void file.write({ columnData, rowGroupSize: rowGroupCount });
  };
  return {
    rows(rows) {
      held.push(...rows);
      while (held.length >= rowGroupCount) writeGroup();
      return taken();
    },
    end() {
      if (held.length > 0) writeGroup();
      void file.finish();
      return taken();
    },
  };
}

type Element = ConstructorParameters<typeof ParquetWriter>[0]["schema"][number];

function elementOf({ name, type }: Column): Element {
  const optional = { name, repetition_type: "OPTIONAL" as const };
  switch (type) {
    case "text":
      return { ...optional, type: "BYTE_ARRAY", converted_type: "UTF8" };
    case "json":
      return { ...optional, type: "BYTE_ARRAY", converted_type: "JSON" };
    case "integer":
      return { ...optional, type: "INT64" };
    case "number":
      return { ...optional, type: "DOUBLE" };
    case "boolean":
      return { ...optional, type: "BOOLEAN" };
    case "instant":
      return {
        ...optional,
        type: "INT64",
        converted_type: "TIMESTAMP_MILLIS",
        logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
      };
  }
}

function parquetValue(cell: Cell, type: Column["type"]): unknown {
  if (cell === null) return null;
  switch (type) {
    case "text":
      return cell;
    case "json":
      return JSON.parse(cell as string) as unknown;
    case "integer":
      return BigInt(cell);
    case "number":
      return Number(cell);
    case "boolean":
      return cell === 1;
    case "instant":
      return new Date(cell as string);
  }
}
