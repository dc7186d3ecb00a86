import { once } from "node:events";
import { existsSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { describe, expect, it, onTestFinished } from "vitest";
import { type NewEvent, noStream, type StoredEvent } from "../../src/event-store/event-store.ts";
import { LogFormatError, openForAppending } from "../../src/event-store/sqlite/schema.ts";
import { openSqliteEventStore, type SqliteEventStoreOptions } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { anEvent, idsOf, someEvents } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";
import type { Openers } from "./support/opening-worker.ts";

const aPath = (): string => join(aFolder(), "ledger.db");

function opened(path: string, options?: SqliteEventStoreOptions) {
  const store = openSqliteEventStore(path, options);
  onTestFinished(() => store.close());
  return store;
}

describe("appends in one process", () => {
  it("take positions in the order of the calls", async () => {
    const store = opened(aPath());
    const streams = Array.from({ length: 50 }, (_, index) => `account-${index}`);
    const answers = await Promise.all(streams.map((stream) => store.append(stream, noStream, [anEvent(stream, 0)])));
    expect(answers.map(({ position }) => position)).toEqual(streams.map((_, index) => index + 1));
  });

  it("may build on one that is still under way", async () => {
    const store = opened(aPath());
    const answers = await Promise.all(
      [0, 1, 2, 3].map((revision) => store.append("account-a", revision - 1, [anEvent("account-a", revision)])),
    );
    expect(answers).toEqual([0, 1, 2, 3].map((revision) => ({ revision, position: revision + 1 })));
  });

  it("leave no gap where one of a group is refused", async () => {
    const store = opened(aPath());
    const answers = await Promise.allSettled([
      store.append("account-a", noStream, someEvents("account-a", 0, 2)),
      store.append("account-a", noStream, someEvents("account-a", 0, 2)),
      store.append("account-b", noStream, someEvents("account-b", 0, 2)),
    ]);
    expect(answers.map((answer) => (answer.status === "fulfilled" ? answer.value.position : answer.reason.name))).toEqual([
      2,
      "RevisionConflictError",
      4,
    ]);
  });

  it("suffer nothing from one whose data SQLite refuses, and nothing of it is stored", async () => {
    const store = opened(aPath());
    const bad = { ...anEvent("account-b", 1), leaf: "no bytes" } as unknown as NewEvent;
    const answers = await Promise.allSettled([
      store.append("account-a", noStream, [anEvent("account-a", 0)]),
      store.append("account-b", noStream, [anEvent("account-b", 0), bad]),
      store.append("account-c", noStream, [anEvent("account-c", 0)]),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store.readAll(0, 10)).map(({ position, stream }) => [position, stream])).toEqual([
      [1, "account-a"],
      [2, "account-c"],
    ]);
  });
});

describe("several connections to one file", () => {
  it("may all find it missing and make it, and end up with one", async () => {
    const folder = aFolder();
    const shared = {
      paths: Array.from({ length: 20 }, (_, index) => join(folder, `${index}.db`)),
      count: 4,
      arrivals: new Int32Array(new SharedArrayBuffer(4)),
    };
    const openers = Array.from({ length: shared.count }, (_, index) => {
      const workerData: Openers = { ...shared, stream: `account-${index}` };
      return new Worker(new URL("./support/opening-worker.ts", import.meta.url), { workerData });
    });
    await Promise.all(openers.map((opener) => once(opener, "exit")));
    for (const path of shared.paths) expect(await opened(path).head()).toBe(shared.count);
  });

  it("see each other's appends and conflicts at once", async () => {
    const path = aPath();
    const [one, other] = [opened(path), opened(path)];
    await one.append("account-a", noStream, [anEvent("account-a", 0)]);
    expect(await other.head()).toBe(1);
    await expect(other.append("account-a", noStream, [anEvent("account-a", 0)])).rejects.toMatchObject({ actualRevision: 0 });
    expect(await other.append("account-a", 0, [anEvent("account-a", 1)])).toEqual({ revision: 1, position: 2 });
    expect(await one.readStream("account-a")).toHaveLength(2);
  });

  it("follow each other", async () => {
    const path = aPath();
    const [writer, reader] = [opened(path), opened(path, { pollMs: 5 })];
    const stop = new AbortController();
    const seen: StoredEvent[] = [];
    const ended = reader.follow(
      0,
      (batch) => {
        seen.push(...batch);
        if (seen.length === 30) stop.abort();
      },
      stop.signal,
    );
    for (let revision = 0; revision < 30; revision++)
      await writer.append("account-a", revision - 1, [anEvent("account-a", revision)]);
    await ended;
    expect(seen).toEqual(await writer.readAll(0, 100));
  });
});

describe("the file of the log", () => {
  it("is synced at every commit", () => {
    const database = openForAppending(aPath(), true);
    expect(database.prepare("PRAGMA synchronous").get()).toEqual([2]);
    expect(database.prepare("PRAGMA journal_mode").get()).toEqual(["wal"]);
    database.close();
  });

  it("may be read through a connection that can't write", async () => {
    const path = aPath();
    const store = opened(path);
    const events = someEvents("account-a", 0, 3);
    await store.append("account-a", noStream, events);
    await store.close();
    const log = openSqliteLog(path);
    expect(idsOf(log.readAll(0, 10))).toEqual(idsOf(events));
    log.close();
    log.close();
    expect(() => log.head()).toThrow(expect.objectContaining({ reason: "closed" }));
  });

  it("holds what was appended just before it was closed", async () => {
    const path = aPath();
    const store = opened(path);
    const answers = ["a", "b"].map((letter) => store.append(`account-${letter}`, noStream, [anEvent(`account-${letter}`, 0)]));
    await store.close();
    expect(await Promise.all(answers)).toHaveLength(2);
    expect(await opened(path).head()).toBe(2);
  });

  it("is one file once it is closed", async () => {
    const path = aPath();
    const store = opened(path);
    await store.append("account-a", noStream, [anEvent("account-a", 0)]);
    await store.close();
    expect([existsSync(`${path}-wal`), existsSync(`${path}-shm`)]).toEqual([false, false]);
  });

  it("is not taken by an older Troth once a newer one has changed its format", async () => {
    const path = aPath();
    await openSqliteEventStore(path).close();
    const newer = new DatabaseSync(path);
    newer.exec("UPDATE meta SET value = '2' WHERE key = 'format'");
    newer.close();
    const complaint = /has format 2; this version of Troth reads up to format 1/;
    expect(() => openSqliteEventStore(path)).toThrow(complaint);
    expect(() => openSqliteEventStore(path)).toThrow(LogFormatError);
    expect(() => openSqliteLog(path)).toThrow(complaint);
  });

  it("is not made of another program's database", () => {
    const path = aPath();
    const theirs = new DatabaseSync(path);
    theirs.exec("CREATE TABLE events (position)");
    theirs.close();
    expect(() => openSqliteEventStore(path)).toThrow(/is not a log of Troth's/);
  });

  it.each([
    ["missing", () => {}],
    ["empty", (path: string) => writeFileSync(path, "")],
  ])("is not begun anew where one is known to be, when it is %s", (_, prepare) => {
    const path = aPath();
    prepare(path);
    expect(() => openSqliteEventStore(path, { create: false })).toThrow(expect.objectContaining({ reason: "damaged" }));
    expect(() => openSqliteLog(path)).toThrow(expect.objectContaining({ reason: "damaged" }));
  });

  it("was cut to nothing: refused where a log is known to be", async () => {
    const path = aPath();
    const store = opened(path);
    await store.append("account-a", noStream, [anEvent("account-a", 0)]);
    await store.close();
    truncateSync(path);
    expect(() => openSqliteEventStore(path, { create: false })).toThrow(expect.objectContaining({ reason: "damaged" }));
  });

  it("is not written to once it was moved away, since nobody would find it there", async () => {
    const path = aPath();
    const store = opened(path);
    await store.append("account-a", noStream, [anEvent("account-a", 0)]);
    renameSync(path, `${path}.moved`);
    await expect(store.append("account-a", 0, [anEvent("account-a", 1)])).rejects.toMatchObject({ reason: "failed" });
  });
});
