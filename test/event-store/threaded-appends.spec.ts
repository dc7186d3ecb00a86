/** The store whose appends another thread writes: what every store holds, and what may go wrong between two threads. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { type ThreadedAppends, threadedAppends } from "../../src/composition/threaded-appends.ts";
import { type NewEvent, noStream } from "../../src/event-store/event-store.ts";
import { packed, packedAnswers, unpacked, unpackedAnswers } from "../../src/event-store/sqlite/packed-group.ts";
import { type FilePlace, writerInPlace } from "../../src/event-store/sqlite/placed-writer.ts";
import { openForAppending } from "../../src/event-store/sqlite/schema.ts";
import { openSqliteEventStore, type WriterElsewhere } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { sqliteStoreContract } from "./support/sqlite-contract.ts";
import { anEvent, someEvents } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";

/** Groups on their way to another connection and back as they go between threads, but in this one: a thread a test takes seconds. */
function writtenElsewhere(path: string, place: FilePlace): WriterElsewhere {
  const database = openForAppending(path, false);
  const write = writerInPlace(database, path, place);
  return {
    async write(group) {
      const message = packed(group);
      const arrived = structuredClone(message, { transfer: [message.leaves] });
      await setImmediate();
      return unpackedAnswers(group, structuredClone(packedAnswers(write(unpacked(arrived)))));
    },
    close: async () => database.close(),
  };
}

sqliteStoreContract("sqlite, written elsewhere", { elsewhere: writtenElsewhere });

async function openThreaded(path: string, startsAt = 0) {
  let appends: ThreadedAppends | undefined;
  const store = openSqliteEventStore(path, { elsewhere: (at, place) => (appends = threadedAppends(at, place, startsAt)) });
  onTestFinished(() => store.close());
  if (startsAt === 0) await appends!.ready;
  return { store, appends: appends! };
}

describe("appends that another thread writes", () => {
  it("keep the order of the calls when the thread takes over in their midst", async () => {
    const { store, appends } = await openThreaded(join(aFolder(), "ledger.db"), 5);
    const streams = Array.from({ length: 60 }, (_, index) => `account-${index}`);
    const append = (stream: string) => store.append(stream, noStream, someEvents(stream, 0, 2));
    const first = streams.slice(0, 30).map(append);
    await Promise.all(first);
    await appends.ready;
    const second = streams.slice(30).map(append);
    const answers = await Promise.all([...first, ...second]);
    expect(answers.map(({ position }) => position)).toEqual(streams.map((_, index) => 2 * index + 2));
  });

  it("suffer nothing from one whose data SQLite refuses", async () => {
    const { store } = await openThreaded(join(aFolder(), "ledger.db"));
    const bad = { ...anEvent("account-b", 0), id: undefined } as unknown as NewEvent;
    const answers = await Promise.allSettled([
      store.append("account-a", noStream, [anEvent("account-a", 0)]),
      store.append("account-b", noStream, [bad]),
      store.append("account-c", noStream, [anEvent("account-c", 0)]),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  it("are refused once the file was moved away", async () => {
    const path = join(aFolder(), "ledger.db");
    const { store } = await openThreaded(path);
    await store.append("account-a", noStream, [anEvent("account-a", 0)]);
    renameSync(path, `${path}.moved`);
    await expect(store.append("account-b", noStream, [anEvent("account-b", 0)])).rejects.toMatchObject({
      name: "StoreUnavailableError",
      reason: "failed",
    });
  });

  it("are written here where the thread can't open the file", async () => {
    const path = join(aFolder(), "ledger.db");
    const store = openSqliteEventStore(path, {
      elsewhere: (_, place) => threadedAppends(join(path, "nowhere"), place, 1),
    });
    onTestFinished(() => store.close());
    for (let revision = 0; revision < 40; revision += 1)
      await store.append("account-a", revision - 1, [anEvent("account-a", revision)]);
    expect(await store.head()).toBe(40);
  });
});
