import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkLog } from "../../src/event-store/sqlite/check-log.ts";
import { openSqliteEventStore } from "../../src/event-store/sqlite/sqlite-event-store.ts";
import { expectAcknowledged } from "./support/acknowledged.ts";
import { type Acknowledged, sharedStream } from "./support/appending-process.ts";
import { aFolder } from "./support/folder.ts";
import { aProcess, killed } from "./support/processes.ts";

const rounds = 8;

/** Acknowledgements to wait for before the kill, so that it falls into the load and not into the start; from few to many. */
const countBeforeKill = (): number => Math.ceil(10 ** (1 + 2 * Math.random()));

describe("a process killed while it appends", () => {
  it(`has lost nothing that it acknowledged, at ${rounds} random moments on one file`, async () => {
    const path = join(aFolder(), "ledger.db");
    const acknowledged: Acknowledged[] = [];
    for (let round = 0; round < rounds; round++) {
      const count = countBeforeKill();
      const { child, exited, lines } = aProcess("./appending-process.ts", [path, `r${round}w`, 16, 1_000_000]);
      let seen = 0;
      for await (const line of lines) {
        acknowledged.push(JSON.parse(line) as Acknowledged);
        // The lines that were on their way are read on to the end: they were acknowledged too.
        if (++seen === count) child.kill("SIGKILL");
      }
      await killed(child, exited);
      expect(seen, `acknowledged before the kill in round ${round}`).toBeGreaterThanOrEqual(count);

      const store = openSqliteEventStore(path);
      const stored = expectAcknowledged(store.log, acknowledged);
      for (const stream of new Set(stored.map((event) => event.stream)))
        if (stream !== sharedStream) expect(appendsAreWhole(store.log.readStream(stream).length), stream).toBe(true);
      await store.close();
      expect(await checkLog(path)).toEqual([]);
    }
  });
});

/** A stream of appends of 1, 2, 3, 1, 2, 3, … events has one of these lengths, unless one was stored in part. */
const appendsAreWhole = (eventCount: number): boolean => [0, 1, 3].includes(eventCount % 6);
