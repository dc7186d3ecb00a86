/**
 * A process that appends until it is killed or has appended enough, and says what was acknowledged, one JSON line each.
 * Arguments: path of the log, a name for its streams, the number of writers at once, the number of appends of each.
 */
import { writeSync } from "node:fs";
import { type Appended, type EventStore, noStream, RevisionConflictError } from "../../../src/event-store/event-store.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { anEvent, idsOf, someEvents } from "./events.ts";

export type Acknowledged = Appended & { stream: string; ids: string[] };
/** The stream on which all processes race. */
export const sharedStream = "account-shared";

/** Written at once, so that nothing acknowledged waits in a buffer when the process is killed. */
const acknowledge = (line: Acknowledged): number => writeSync(1, `${JSON.stringify(line)}\n`);

/** Appends of one to three events to a stream of the writer's own. */
async function append(store: EventStore, stream: string, count: number): Promise<void> {
  let revision = noStream;
  for (let turn = 0; turn < count; turn++) {
    const events = someEvents(stream, revision + 1, 1 + (turn % 3)).map((event) => ({ ...event, ciphertext: "c".repeat(200) }));
    const appended = await store.append(stream, revision, events);
    acknowledge({ ...appended, stream, ids: idsOf(events) });
    revision = appended.revision;
  }
}

/** Single events on the stream that all write to: look, try, look again. */
async function race(store: EventStore, name: string, count: number): Promise<void> {
  for (let turn = 0; turn < count;) {
    const revision = (await store.readStream(sharedStream)).at(-1)?.revision ?? noStream;
    const event = anEvent(sharedStream, revision + 1, { id: `evt_${name}${turn}` });
    try {
      acknowledge({ ...(await store.append(sharedStream, revision, [event])), stream: sharedStream, ids: [event.id] });
      turn += 1;
    } catch (error) {
      if (!(error instanceof RevisionConflictError)) throw error;
    }
  }
}

if (import.meta.main) {
  const [path, name, writers, appends] = process.argv.slice(2) as [string, string, string, string];
  const store = openSqliteEventStore(path);
  const streams = Array.from({ length: Number(writers) }, (_, index) => `interaction-${name}${index}`);
  await Promise.all([
    ...streams.map((stream) => append(store, stream, Number(appends))),
    race(store, name, Math.min(Number(appends), 50)),
  ]);
  await store.close();
}
