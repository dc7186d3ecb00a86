import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkLog } from "../../src/event-store/sqlite/check-log.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { expectAcknowledged } from "./support/acknowledged.ts";
import { type Acknowledged, sharedStream } from "./support/appending-process.ts";
import { aFolder } from "./support/folder.ts";
import { aProcess } from "./support/processes.ts";

const writers = 4;
const appends = 120;
const races = 50;
/** One to three events an append, two on average. */
const eventCount = 2 * (writers * appends * 2 + races);

describe("two processes that append to one file", () => {
  it("both get everything in, once and in order, from the making of the file on, while a third follows", async () => {
    const path = join(aFolder(), "ledger.db");
    const processes = ["a", "b"].map((name) => aProcess("./appending-process.ts", [path, name, writers, appends]));
    const acknowledged = Promise.all(
      processes.map(async ({ lines, exited }) => {
        const appended: Acknowledged[] = [];
        for await (const line of lines) appended.push(JSON.parse(line) as Acknowledged);
        expect(await exited).toEqual([0, null]);
        return appended;
      }),
    );

    const store = openSqliteEventStore(path, { pollMs: 5 });
    const stop = new AbortController();
    const followed: number[] = [];
    const following = store.follow(
      0,
      (events) => {
        followed.push(...events.map(({ position }) => position));
        if (followed.length >= eventCount) stop.abort();
      },
      stop.signal,
    );

    const appended = (await acknowledged).flat();
    const stored = expectAcknowledged(store.log, appended);
    expect(stored).toHaveLength(eventCount);
    expect(appended.flatMap(({ ids }) => ids)).toHaveLength(eventCount);
    expect(store.log.readStream(sharedStream)).toHaveLength(2 * races);
    await following;
    expect(followed).toEqual(stored.map(({ position }) => position));
    await store.close();
    expect(await checkLog(path)).toEqual([]);
  });
});
