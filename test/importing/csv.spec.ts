import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import { type CsvRow, csvRows } from "../../src/importing/csv.ts";

async function rows(text: string, { delimiter = ",", columns = [] as string[], chunkBytes = 7 } = {}): Promise<CsvRow[]> {
  const bytes = Buffer.from(text);
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  );
  return Array.fromAsync(csvRows(Readable.from(chunks), delimiter, columns));
}

describe("rows of a CSV file", () => {
  it("are told with the line that each begins in, whatever lies in quotes", async () => {
    const text = '\ufeffName,Note\r\nA,"one\r\ntwo ""three"", four"\r\n\r\nB,=1+1\r\n"C, D",';
    expect(await rows(text)).toEqual([
      { line: 2, row: { Name: "A", Note: 'one\r\ntwo "three", four' } },
      { line: 5, row: { Name: "B", Note: "=1+1" } },
      { line: 6, row: { Name: "C, D", Note: "" } },
    ]);
  });

  it("may be parted otherwise, and end as they like", async () => {
    expect(await rows("a;b\n1;2\n3;4", { delimiter: ";" })).toEqual([
      { line: 2, row: { a: "1", b: "2" } },
      { line: 3, row: { a: "3", b: "4" } },
    ]);
  });

  it("with too few or too many cells are refused one by one", async () => {
    expect(await rows("a,b\n1\n1,2\n1,2,3\n")).toEqual([
      { line: 2, reason: "has 1 cells where the header has 2" },
      { line: 3, row: { a: "1", b: "2" } },
      { line: 4, reason: "has 3 cells where the header has 2" },
    ]);
  });

  it("under a name of JavaScript's own are rows like others", async () => {
    const [first] = await rows("__proto__,constructor\nx,y\n");
    expect(Object.entries((first as { row: object }).row)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });
});

describe("a file that is no such CSV", () => {
  it.each([
    ["", [], "the file has no header line"],
    ["a,b\n1,2\n", ["c"], 'the header has no column "c"; it has "a", "b"'],
    ["a,a\n1,2\n", [], 'the column "a" stands twice in the header'],
    ['a,b\n1,2\n"3,4\n', [], "near line 3 is no CSV"],
    ['a,b\n1,2\n3,x"y\n', [], "near line 3 is no CSV"],
    [`a,b\n1,"${"x".repeat(300_000)}`, [], "a row near line 2 is longer than 262144 bytes"],
  ])("%# is refused", async (text, columns, message) => {
    await expect(rows(text, { columns, chunkBytes: 65_536 })).rejects.toThrow(message);
  });
});
