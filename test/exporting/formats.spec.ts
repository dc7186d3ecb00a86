import { describe, expect, it } from "vitest";
import type { Column } from "../../src/exporting/datasets.ts";
import { formats, type Row } from "../../src/exporting/formats.ts";

const columns: Column[] = [
  { name: "text", type: "text", about: "" },
  { name: "number", type: "number", about: "" },
  { name: "flag", type: "boolean", about: "" },
  { name: "data", type: "json", about: "" },
];
const written = (format: "csv" | "ndjson", rows: Row[], goesOn = false): string => {
  const encoder = formats[format].encoder(columns, goesOn);
  return [encoder.rows(rows), encoder.end()].join("");
};

describe("a CSV", () => {
  it.each([
    ["plain", "plain"],
    ['a "word", and more', '"a ""word"", and more"'],
    ["two\nlines", '"two\nlines"'],
    ["=1+1", "'=1+1"],
    ["+49 30 1", "'+49 30 1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\ttab", "'\ttab"],
    ["\rreturn", '"\'\rreturn"'],
    ['=HYPERLINK("http://example.org","x")', '"\'=HYPERLINK(""http://example.org"",""x"")"'],
    ["1=1", "1=1"],
    [null, ""],
  ])("writes %j so that no spreadsheet runs it", (text, cell) => {
    expect(written("csv", [[text, -0.5, 1, '["a"]']])).toBe(`text,number,flag,data\r\n${cell},-0.5,true,"[""a""]"\r\n`);
  });

  it("has its header even without rows, and none where it goes on", () => {
    expect(written("csv", [])).toBe("text,number,flag,data\r\n");
    expect(written("csv", [["a", 1, 0, null]], true)).toBe("a,1,false,\r\n");
  });
});

it("a line of JSON holds JSON as it is, and null for what is not known", () => {
  const [line] = written("ndjson", [["=1", null, 0, '{"a":[1]}']]).split("\n");
  expect(JSON.parse(line!)).toEqual({ text: "=1", number: null, flag: false, data: { a: [1] } });
});
