import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { noStream } from "../../src/event-store/event-store.ts";
import { checkLog } from "../../src/event-store/sqlite/check-log.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { anEvent } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";

const eventCount = 600;
const isDamaged = expect.objectContaining({ name: "StoreUnavailableError", reason: "damaged" });

/** A closed log of several hundred events in three streams; each leaf carries its position as `#<position>#`. */
async function aLog(): Promise<string> {
  const path = join(aFolder(), "ledger.db");
  const store = openSqliteEventStore(path);
  await Promise.all(
    Array.from({ length: eventCount }, (_, index) => {
      const stream = `account-${index % 3}`;
      const revision = Math.floor(index / 3);
      return store.append(stream, revision - 1, [anEvent(stream, revision, { note: `#${index + 1}#${"n".repeat(300)}` })]);
    }),
  );
  await store.close();
  return path;
}

/** Overwrites one byte of the file, in the last place where `text` stands, `offset` bytes into it. */
function flipByte(path: string, text: string, offset: number, byte: number): void {
  const file = readFileSync(path);
  const at = file.lastIndexOf(text);
  expect(at, `${text} stands in the file`).toBeGreaterThan(0);
  file[at + offset] = byte;
  writeFileSync(path, file);
}

function alter(path: string, sql: string): void {
  const database = new DatabaseSync(path, { defensive: false });
  database.exec(sql);
  database.close();
}

describe("a sound log", () => {
  it("is found sound, and the check says how far it is", async () => {
    const path = await aLog();
    const progress: [number, number][] = [];
    expect(await checkLog(path, (done, total) => progress.push([done, total]))).toEqual([]);
    expect(progress.at(-1)).toEqual([2 * eventCount, 2 * eventCount]);
  });

  it("is found sound while it is empty, and while it is appended to", async () => {
    const path = join(aFolder(), "ledger.db");
    const store = openSqliteEventStore(path);
    expect(await checkLog(path)).toEqual([]);
    const appends = Promise.all(
      Array.from({ length: 50 }, (_, i) => store.append(`account-${i}`, noStream, [anEvent(`account-${i}`, 0)])),
    );
    expect(await checkLog(path)).toEqual([]);
    await appends;
    await store.close();
  });
});

describe("damage that a start finds", () => {
  it.each([
    [
      "a header that is none",
      (path: string) => writeFileSync(path, Buffer.concat([Buffer.alloc(100), readFileSync(path).subarray(100)])),
    ],
    ["a file cut in half", (path: string) => truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096)],
    ["a file cut by one page", (path: string) => truncateSync(path, statSync(path).size - 4096)],
    ["a last leaf that is no JSON", (path: string) => flipByte(path, `#${eventCount}#`, -1, 0x07)],
    ["a last leaf that is no UTF-8", (path: string) => flipByte(path, `#${eventCount}#`, 0, 0xff)],
    [
      "a last leaf of another stream",
      (path: string) => alter(path, `UPDATE events SET stream = 'account-x' WHERE position = ${eventCount}`),
    ],
    ["a gap near the end", (path: string) => alter(path, `DELETE FROM events WHERE position = ${eventCount - 5}`)],
    ["a log that begins late", (path: string) => alter(path, "DELETE FROM events WHERE position = 1")],
    ["a table that is gone", (path: string) => alter(path, "ALTER TABLE events RENAME TO others")],
    ["a format that is gone", (path: string) => alter(path, "DELETE FROM meta")],
  ])("%s", async (_, damage) => {
    const path = await aLog();
    damage(path);
    expect(() => openSqliteEventStore(path).close()).toThrow(isDamaged);
    expect(await checkLog(path)).not.toEqual([]);
  });
});

describe("damage that a check finds", () => {
  const kinds = async (path: string) => (await checkLog(path)).map(({ kind, position }) => ({ kind, position }));

  it("names a leaf that can't be read", async () => {
    const path = await aLog();
    flipByte(path, "#300#", -1, 0x07);
    expect(await kinds(path)).toEqual([{ kind: "leaf-unreadable", position: 300 }]);
  });

  it("names a leaf that is not its row's", async () => {
    const path = await aLog();
    alter(path, "UPDATE events SET leaf = (SELECT leaf FROM events WHERE position = 301) WHERE position = 300");
    expect(await kinds(path)).toEqual([{ kind: "leaf-disagrees", position: 300 }]);
  });

  it("names an event that is gone, in the log and in its stream", async () => {
    const path = await aLog();
    alter(path, "DELETE FROM events WHERE position = 300");
    expect(await kinds(path)).toEqual([
      { kind: "position-missing", position: 300 },
      { kind: "revision-missing", position: 303 },
    ]);
  });

  it("names two events of a stream in the wrong order", async () => {
    const path = await aLog();
    alter(
      path,
      `UPDATE events SET position = 9999 WHERE position = 300;
       UPDATE events SET position = 300 WHERE position = 303;
       UPDATE events SET position = 303 WHERE position = 9999`,
    );
    expect(await kinds(path)).toEqual([{ kind: "order", position: 300 }]);
  });

  it("finds an index that has lost an entry", async () => {
    const path = await aLog();
    alter(
      path,
      `PRAGMA writable_schema = ON;
       UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_id ON events (id) WHERE position <> 300' WHERE name = 'events_by_id';`,
    );
    alter(path, "REINDEX events_by_id");
    alter(
      path,
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_id ON events (id)' WHERE name = 'events_by_id'",
    );
    const findings = await checkLog(path);
    expect(findings.map(({ kind }) => kind)).toContain("file");
    expect(findings.some(({ message }) => /index events_by_id/.test(message))).toBe(true);
  });

  it("finds a page that is overwritten, and goes on to say which events can't be read", async () => {
    const path = await aLog();
    const file = readFileSync(path);
    const at = file.lastIndexOf("#300#");
    file.fill(0xa5, at - (at % 4096), at - (at % 4096) + 4096);
    writeFileSync(path, file);
    expect((await checkLog(path)).map(({ kind }) => kind)).toContain("file");
  });
});

describe("reading a damaged log", () => {
  it("throws where an event is missing, and does not skip it", async () => {
    const path = await aLog();
    alter(path, "DELETE FROM events WHERE position = 300");
    const store = openSqliteEventStore(path);
    const log = openSqliteLog(path);
    expect(log.readAll(0, 299)).toHaveLength(299);
    expect(() => log.readAll(0, 300)).toThrow(isDamaged);
    expect(() => log.readAll(299, 10)).toThrow(isDamaged);
    expect(() => log.readStream("account-2")).toThrow(isDamaged);
    await expect(store.readAll(290, 20)).rejects.toEqual(isDamaged);
    await expect(store.follow(0, () => {}, new AbortController().signal)).rejects.toEqual(isDamaged);
    log.close();
    await store.close();
  });
});
