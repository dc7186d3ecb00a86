import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { csvRows } from "../../src/importing/csv.ts";
import { decoded, type Encoding } from "../../src/importing/decoding.ts";

const text = 'Name,Note\nCaf\u00e9,"\u20ac 5,\n-"\nB,\n';

async function rows(bytes: Buffer, encoding?: Encoding) {
  const chunks = Array.from({ length: bytes.length }, (_, index) => bytes.subarray(index, index + 1));
  return Array.fromAsync(csvRows(decoded(Readable.from(chunks, { objectMode: false }), encoding), ",", []));
}

const expected = [
  { line: 2, row: { Name: "Caf\u00e9", Note: "\u20ac 5,\n-" } },
  { line: 4, row: { Name: "B", Note: "" } },
];
const utf16be = (of: string) => Buffer.from(of, "utf16le").swap16();
const windows = Buffer.from(text.replace("\u20ac", "\u0080"), "latin1");

describe("a file in another encoding", () => {
  it.each([
    ["UTF-8", Buffer.from(text), undefined],
    ["UTF-8 with its mark", Buffer.from(`\ufeff${text}`), undefined],
    ["UTF-16 with its mark", Buffer.from(`\ufeff${text}`, "utf16le"), undefined],
    ["UTF-16 the other way round", utf16be(`\ufeff${text}`), undefined],
    ["UTF-16 that was declared", utf16be(text), "utf-16be"],
    ["windows-1252 that was declared", windows, "windows-1252"],
  ] as const)("%s is read with the lines as they stand", async (_what, bytes, encoding) => {
    expect(await rows(bytes, encoding)).toEqual(expected);
  });

  it("that was not declared shows in the cells that are not UTF-8", async () => {
    expect(await rows(windows)).toMatchObject([{ line: 2, row: { Name: "Caf\ufffd" } }, { line: 4 }]);
  });

  it.each([
    ["UTF-16 without its mark", utf16be(text), undefined, "is no UTF-8 text"],
    ["a mark of something else", Buffer.from(`\ufeff${text}`, "utf16le"), "windows-1252", "byte order mark of utf-16le"],
  ] as const)("%s is refused", async (_what, bytes, encoding, reason) => {
    await expect(rows(bytes, encoding)).rejects.toThrow(reason);
  });

  it("that holds nothing is a file without a header", async () => {
    await expect(rows(Buffer.from("\ufeff", "utf16le"))).rejects.toThrow("no header line");
  });
});
