/** What reads a stranger's archive takes nothing but the files of a bundle, and nothing longer than such a file. */
import { describe, expect, it } from "vitest";
import { type BundleFile, UnusableError } from "../../src/verification/bundle-format.ts";
import { filesInTar, tarEnd, tarFile } from "../../src/verification/tar.ts";
import { filesOf } from "./support/forgery.ts";

const text = (path: string, content = "x"): BundleFile => ({ path, bytes: Buffer.from(content) });
const archive = (...files: BundleFile[]): Uint8Array => Buffer.concat([...files.map(tarFile), tarEnd()]);
const read = (bytes: Uint8Array, chunk = bytes.length) =>
  filesOf(
    filesInTar(Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, at) => bytes.subarray(at * chunk, (at + 1) * chunk))),
  );

/** An archive whose first header was changed, with its sum put right. */
function withHeader(change: (header: Buffer) => void): Uint8Array {
  const bytes = Buffer.from(archive(text("manifest.json")));
  const header = bytes.subarray(0, 512);
  change(header);
  header.write("        ", 148);
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  return bytes;
}

describe("an archive", () => {
  it("gives its files however its bytes are cut", async () => {
    const files = [text("manifest.json", "{}"), text("checkpoint", "c".repeat(512)), text("leaf/7", "l".repeat(1_500))];
    for (const chunk of [1, 7, 511, 512, 513, 10_000]) {
      const found = await read(archive(...files), chunk);
      expect(found.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()])).toEqual(
        files.map(({ path, bytes }) => [path, Buffer.from(bytes).toString()]),
      );
    }
  });

  it.each([
    "../manifest.json",
    "/etc/passwd",
    "leaf/../leaf/1",
    "./manifest.json",
    "leaf/01",
    "leaf/-1",
    "tile/0/1",
    "notes.txt",
    "leaf/",
  ])("is refused with a file called %s, before it is read", async (path) => {
    const bytes = withHeader((header) => header.fill(0, 0, 100).write(path, 0));
    await expect(read(bytes)).rejects.toThrow(UnusableError);
  });

  it.each([
    ["a link", (header: Buffer) => header.write("2", 156)],
    ["a hard link to another file", (header: Buffer) => header.write("1checkpoint", 156)],
    ["a folder", (header: Buffer) => header.write("5", 156)],
    ["a name continued elsewhere", (header: Buffer) => header.write("tile", 345)],
    ["an extension", (header: Buffer) => header.write("x", 156)],
    ["8 GiB less a byte", (header: Buffer) => header.write("77777777777\0", 124)],
    ["a byte too many for its kind", (header: Buffer) => header.write(`${(1_000_001).toString(8).padStart(11, "0")}\0`, 124)],
    ["a length that is none", (header: Buffer) => header.write("-0000000001\0", 124)],
    ["another magic", (header: Buffer) => header.write("notar\0", 257)],
  ])("is refused with %s", async (_, change) => {
    await expect(read(withHeader(change))).rejects.toThrow(UnusableError);
  });

  it("is refused with a file that comes twice, cut short, or with something after its end", async () => {
    const whole = archive(text("manifest.json"), text("checkpoint"));
    await expect(read(archive(text("checkpoint"), text("checkpoint")))).rejects.toThrow("comes twice");
    for (const length of [0, 100, 512, 600, 1_024, 2_047])
      await expect(read(whole.subarray(0, length)), String(length)).rejects.toThrow(UnusableError);
    await expect(read(Buffer.concat([whole, Buffer.from("more")]))).rejects.toThrow("follows the end");
  });

  it("is refused with a header that was changed", async () => {
    const bytes = Buffer.from(archive(text("manifest.json")));
    bytes[100]! ^= 1;
    await expect(read(bytes)).rejects.toThrow("no archive of a bundle");
  });

  it("is not made of what no bundle holds", () => {
    expect(() => tarFile(text("../x"))).toThrow(RangeError);
  });
});
