import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTombstones, tombstonesPath } from "../../src/vault/tombstones.ts";
import { anna, ben, evening, noon } from "./examples.ts";

let keys: string;
beforeEach(() => {
  keys = mkdtempSync(join(tmpdir(), "troth-keys-"));
});
afterEach(() => rmSync(keys, { recursive: true }));

const subjects = () =>
  openTombstones(keys)
    .all()
    .map(({ subject }) => subject);

describe("tombstones beside the key", () => {
  it("are a line each, in the order of the erasures, for the owner's eyes alone", () => {
    expect(subjects()).toEqual([]);
    const tombstones = openTombstones(keys);
    tombstones.add({ subject: ben, at: evening });
    tombstones.add({ subject: anna, at: noon });
    expect(readFileSync(tombstonesPath(keys), "utf8")).toBe(`${ben} ${evening}\n${anna} ${noon}\n`);
    expect((statSync(tombstonesPath(keys)).mode & 0o777).toString(8)).toBe("600");
    expect(openTombstones(keys).all()).toEqual([
      { subject: ben, at: evening },
      { subject: anna, at: noon },
    ]);
  });

  it("are added once, with the instant of the first erasure", () => {
    openTombstones(keys).add({ subject: anna, at: noon });
    openTombstones(keys).add({ subject: anna, at: evening });
    expect(openTombstones(keys).all()).toEqual([{ subject: anna, at: noon }]);
  });

  it("go on after a line that a kill cut off, wherever it was cut", () => {
    const line = `${anna} ${noon}`;
    for (let length = 1; length <= line.length; length += 1) {
      rmSync(tombstonesPath(keys), { force: true });
      openTombstones(keys).add({ subject: ben, at: evening });
      appendFileSync(tombstonesPath(keys), line.slice(0, length));
      expect(subjects()).toEqual([ben]);
      openTombstones(keys).add({ subject: anna, at: noon });
      expect(openTombstones(keys).all(), line.slice(0, length)).toContainEqual({ subject: anna, at: noon });
      expect(new Set(subjects())).toEqual(new Set([ben, anna]));
    }
  });

  it("are refused where a line is no tombstone and no part of one: nobody knows whom it would erase", () => {
    writeFileSync(tombstonesPath(keys), `${anna} ${noon}\nBen Berg, at noon\n`);
    expect(() => openTombstones(keys)).toThrow("has a line that is no tombstone");
  });
});
