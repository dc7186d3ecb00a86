import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { noStream, RevisionConflictError } from "../../src/event-store/event-store.ts";
import { groupWriter } from "../../src/event-store/sqlite/append-group.ts";
import { openForAppending } from "../../src/event-store/sqlite/schema.ts";
import { someEvents } from "./support/events.ts";
import { aFolder } from "./support/folder.ts";

describe("a group of appends", () => {
  it("may hold new ones, repeated ones and refused ones in any order", () => {
    const database = openForAppending(join(aFolder(), "ledger.db"), true);
    onTestFinished(() => database.close());
    const write = groupWriter(database);
    const appendTo = (stream: string) => ({ stream, expectedRevision: noStream, events: someEvents(stream, 0, 2) });
    const [first, second, third] = [appendTo("account-a"), appendTo("account-b"), appendTo("account-c")];
    write([first, second]);

    const outcomes = write([third, appendTo("account-b"), third, first, appendTo("account-d")]);
    expect(outcomes).toEqual([
      { revision: 1, position: 6 },
      new RevisionConflictError("account-b", noStream, 1),
      { revision: 1, position: 6 },
      { revision: 1, position: 2 },
      { revision: 1, position: 8 },
    ]);
  });
});
