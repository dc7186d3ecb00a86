/** Archives that want more than to be read. */
import { describe, expect, it } from "vitest";
import type { BundleFile } from "../../src/verification/bundle-format.ts";
import { filesInTar, tarEnd, tarFile } from "../../src/verification/tar.ts";
import { filesOf } from "./support/forgery.ts";

const manifest = (): Uint8Array => tarFile({ path: "manifest.json", bytes: Buffer.from("{}") });
const read = (...parts: Uint8Array[]): Promise<BundleFile[]> => filesOf(filesInTar([Buffer.concat(parts)]));

/** The header with some bytes of it set, and its sum put right: only what it says is wrong. */
function header(...set: [at: number, text: string][]): Uint8Array {
  const block = Buffer.from(manifest().subarray(0, 512));
  for (const [at, text] of set) block.write(text, at, "latin1");
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
const name = (path: string): [number, string] => [0, `${path}\0`.padEnd(100, "\0")];
const content = new Uint8Array(512);

describe("an archive of a bundle", () => {
  it("is read file by file", async () => {
    const files = await read(manifest(), tarFile({ path: "checkpoint", bytes: Buffer.alloc(600, 65) }), tarEnd());
    expect(files.map(({ path, bytes }) => [path, bytes.length])).toEqual([
      ["manifest.json", 2],
      ["checkpoint", 600],
    ]);
  });

  const refused: [what: string, parts: () => Uint8Array[], message: RegExp][] = [
    ["a name that leads out of it", () => [header(name("../../etc/passwd")), content], /no bundle has/],
    ["an absolute name", () => [header(name("/manifest.json")), content], /no bundle has/],
    ["a name that is put together from two fields", () => [header([345, "etc"]), content], /no bundle has/],
    ["a symbolic link", () => [header([156, "2"], [157, "/etc/passwd"]), content], /no bundle has/],
    ["a hard link", () => [header([156, "1"], [157, "checkpoint"]), content], /no bundle has/],
    ["a device", () => [header([156, "3"]), content], /no bundle has/],
    ["a folder", () => [header([156, "5"], name("leaf")), content], /no bundle has/],
    ["a long name by an extension", () => [header([156, "L"], name("././@LongLink")), content], /no bundle has/],
    ["a header of pax", () => [header([156, "x"]), content], /no bundle has/],
    ["a file longer than it may be", () => [header([124, "77777777777\0"]), content], /longer than/],
    ["a length that is no number", () => [header([124, "-0000000001\0"]), content], /longer than/],
    ["a file twice", () => [manifest(), manifest(), tarEnd()], /comes twice/],
    ["something behind its end", () => [manifest(), tarEnd(), Buffer.from("more")], /follows the end/],
    ["something behind a file", () => [header(), Buffer.alloc(512, 65)], /follows manifest.json/],
    ["no end", () => [manifest()], /cut short/],
    ["half a file", () => [manifest().subarray(0, 600)], /cut short/],
  ];
  it.each(refused)("with %s is refused", async (_, parts, message) => {
    await expect(read(...parts())).rejects.toThrow(message);
  });

  it("is refused where it goes on with zeroes for ever, and not where its last record is filled up", async () => {
    const zeroes = function* (count: number) {
      yield Buffer.concat([manifest(), tarEnd()]);
      for (let chunk = 0; chunk < count; chunk += 1) yield new Uint8Array(1 << 16);
    };
    await expect(filesOf(filesInTar(zeroes(Infinity)))).rejects.toThrow("does not end");
    expect(await filesOf(filesInTar(zeroes(15)))).toHaveLength(1);
  });

  it("is refused for a file too long before any of it is read", async () => {
    let asked = 0;
    const chunks = function* () {
      yield header([124, "77777777777\0"]);
      for (;;) {
        asked += 1;
        yield new Uint8Array(1 << 20);
      }
    };
    await expect(filesOf(filesInTar(chunks()))).rejects.toThrow("longer than");
    expect(asked).toBe(0);
  });
});
