import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type EventStore, noStream } from "../../src/event-store/event-store.ts";
import { checkLog } from "../../src/event-store/sqlite/check-log.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { anEvent, idsOf } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";
import { aSmallDisk } from "./support/small-disk.ts";

const mebibyte = 1024 * 1024;
const isFull = { name: "StoreUnavailableError", reason: "full" };

/** Appends in groups until one is refused, and says what was acknowledged and what became of the last group. */
async function fill(store: EventStore) {
  const acknowledged: string[] = [];
  const before = await store.head();
  for (let round = 0; ; round++) {
    const events = Array.from({ length: 8 }, (_, index) => {
      const stream = `interaction-${before}x${round}x${index}`;
      return { stream, event: anEvent(stream, 0, { note: "n".repeat(1_500) }) };
    });
    const answers = await Promise.allSettled(events.map(({ stream, event }) => store.append(stream, noStream, [event])));
    answers.forEach(({ status }, index) => {
      if (status === "fulfilled") acknowledged.push(events[index]!.event.id);
    });
    const refusals = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
    if (refusals.length > 0) return { acknowledged, refusals };
  }
}

describe("a full disk", () => {
  it("refuses appends clearly, keeps every acknowledged one, and takes up service when there is room", async () => {
    const folder = aSmallDisk(2 * mebibyte);
    if (folder === undefined) return console.log("no file system may be mounted here: only the bound of the file is tested");
    const ballast = join(folder, "ballast");
    writeFileSync(ballast, Buffer.alloc(mebibyte / 2));
    const path = join(folder, "ledger.db");
    const store = openSqliteEventStore(path);
    onTestFinished(() => store.close());

    const first = await fill(store);
    expect(first.acknowledged.length).toBeGreaterThan(50);
    for (const refusal of first.refusals) expect(refusal).toMatchObject(isFull);
    expect(idsOf(await store.readAll(0, 10_000))).toEqual(first.acknowledged);
    // More than a group that found no room can have left.
    await expect(
      store.append("account-a", noStream, [anEvent("account-a", 0, { note: "n".repeat(500_000) })]),
    ).rejects.toMatchObject(isFull);

    rmSync(ballast);
    const { position } = await store.append("account-a", noStream, [anEvent("account-a", 0)]);
    expect(position).toBe(first.acknowledged.length + 1);
    const second = await fill(store);
    expect(second.acknowledged.length).toBeGreaterThan(10);

    await store.close();
    expect(await checkLog(path)).toEqual([]);
    const reopened = openSqliteEventStore(path);
    onTestFinished(() => reopened.close());
    expect(await reopened.head()).toBe(first.acknowledged.length + 1 + second.acknowledged.length);
  });

  it("has no room for a log at all: refused as full", () => {
    const folder = aSmallDisk(mebibyte);
    if (folder === undefined) return console.log("no file system may be mounted here: skipped");
    try {
      writeFileSync(join(folder, "ballast"), Buffer.alloc(2 * mebibyte));
    } catch {
      // Now it is full.
    }
    expect(() => openSqliteEventStore(join(folder, "ledger.db"))).toThrow(expect.objectContaining(isFull));
  });
});

describe("a bound on the size of the file", () => {
  it("refuses appends as full, keeps every acknowledged one, and takes more when it is raised", async () => {
    const path = join(aFolder(), "ledger.db");
    const store = openSqliteEventStore(path, { fileBytesMax: mebibyte });
    onTestFinished(() => store.close());
    const { acknowledged, refusals } = await fill(store);
    for (const refusal of refusals) expect(refusal).toMatchObject(isFull);
    expect(idsOf(await store.readAll(0, 10_000))).toEqual(acknowledged);
    await store.close();

    const roomier = openSqliteEventStore(path, { fileBytesMax: 2 * mebibyte });
    onTestFinished(() => roomier.close());
    expect(idsOf(await roomier.readAll(0, 10_000))).toEqual(acknowledged);
    expect((await fill(roomier)).acknowledged.length).toBeGreaterThan(100);
    await roomier.close();
    expect(await checkLog(path)).toEqual([]);
  });
});
