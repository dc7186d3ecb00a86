/** Views do not wait for the disk. After a fall of the whole machine they are begun anew; after a killed process they go on. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { areTrusted, closeViews, openViews, removeOthers, viewsPath } from "../../src/projections/database.ts";
import { projections } from "../../src/projections/registry.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "troth-views-"));
  path = viewsPath(folder, projections);
});
afterEach(() => rmSync(folder, { recursive: true }));

const positionIn = (database: ReturnType<typeof openViews>) =>
  (database.prepare("SELECT position FROM progress").get() as { position: number }).position;
const advance = (database: ReturnType<typeof openViews>) => database.exec("UPDATE progress SET position = 7");

describe("views", () => {
  it("that were closed in order are trusted, whatever became of the machine", () => {
    const database = openViews(path, projections);
    advance(database);
    closeViews(database, path);
    expect(existsSync(`${path}.boot`)).toBe(false);
    expect(areTrusted(path)).toBe(true);
  });

  it("that a killed process left behind are trusted while the machine is up", () => {
    const database = openViews(path, projections);
    advance(database);
    database.close();
    expect(areTrusted(path)).toBe(true);
    const again = openViews(path, projections);
    expect(positionIn(again)).toBe(7);
    again.close();
  });

  it("that were open when the machine fell are begun anew", () => {
    const database = openViews(path, projections);
    advance(database);
    database.close();
    writeFileSync(`${path}.boot`, "another start of the machine");
    expect(areTrusted(path)).toBe(false);
    const again = openViews(path, projections);
    expect(positionIn(again)).toBe(0);
    expect(readFileSync(`${path}.boot`, "utf8")).not.toBe("another start of the machine");
    again.close();
  });

  it("of another release are removed, with everything beside them", () => {
    writeFileSync(join(folder, "views-0000000000000000.db"), "");
    writeFileSync(join(folder, "views-0000000000000000.db-wal"), "");
    closeViews(openViews(path, projections), path);
    removeOthers(path);
    expect(existsSync(join(folder, "views-0000000000000000.db"))).toBe(false);
    expect(existsSync(join(folder, "views-0000000000000000.db-wal"))).toBe(false);
    expect(existsSync(path)).toBe(true);
  });
});
