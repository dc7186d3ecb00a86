import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { noStream } from "../../src/event-store/event-store.ts";
import { type LocalEventStore, type Log } from "../../src/event-store/log.ts";
import { memoryEventStore } from "../../src/event-store/memory/memory.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { openSqliteLog } from "../../src/event-store/sqlite/sqlite-log.ts";
import { anEvent, idsOf, someEvents } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";

const closedAfterTest = <T extends { close: () => unknown }>(opened: T): T => {
  onTestFinished(async () => {
    await opened.close();
  });
  return opened;
};

const logs: [name: string, open: () => { store: LocalEventStore; log: Log }][] = [
  [
    "memory",
    () => {
      const store = memoryEventStore();
      return { store, log: store.log };
    },
  ],
  [
    "sqlite, on the connection that appends",
    () => {
      const store = closedAfterTest(openSqliteEventStore(join(aFolder(), "ledger.db")));
      return { store, log: store.log };
    },
  ],
  [
    "sqlite, on a connection that only reads",
    () => {
      const path = join(aFolder(), "ledger.db");
      const store = closedAfterTest(openSqliteEventStore(path));
      return { store, log: closedAfterTest(openSqliteLog(path)) };
    },
  ],
];

describe.each(logs)("the local log: %s", (_, open) => {
  it("agrees with the store and sees each append as soon as it is answered", async () => {
    const { store, log } = open();
    expect(log.head()).toBe(0);
    await store.append("account-a", noStream, someEvents("account-a", 0, 3));
    await store.append("account-b", noStream, someEvents("account-b", 0, 2));
    expect(log.head()).toBe(5);
    expect(log.readAll(1, 3)).toEqual(await store.readAll(1, 3));
    expect(log.readStream("account-a", 1)).toEqual(await store.readStream("account-a", 1));
  });

  it("finds an event by its id", async () => {
    const { store, log } = open();
    const events = someEvents("account-a", 0, 3);
    await store.append("account-a", noStream, events);
    expect(log.readById(events[1]!.id)).toMatchObject({ id: events[1]!.id, position: 2, revision: 1 });
    expect(log.readById("evt_00000000000000000000")).toBeUndefined();
  });

  it("finds the earliest of two events with one id, which a cluster may hold", async () => {
    const { store, log } = open();
    const event = anEvent("account-a", 0);
    await store.append("account-a", noStream, [event]);
    await store.append("account-a", 0, [anEvent("account-a", 1, { id: event.id })]);
    expect(log.readById(event.id)).toMatchObject({ position: 1 });
  });

  it("gives the events at a list of positions in order, each once, without those that there are none at", async () => {
    const { store, log } = open();
    const events = someEvents("account-a", 0, 9);
    await store.append("account-a", noStream, events);
    const found = log.readPositions([7, 2, 7, 99, 0, 3]);
    expect(found.map(({ position }) => position)).toEqual([2, 3, 7]);
    expect(idsOf(found)).toEqual(idsOf([events[1]!, events[2]!, events[6]!]));
    expect(log.readPositions([])).toEqual([]);
  });
});
