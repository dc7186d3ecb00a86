/** A thread that opens one log after another, each at the same moment as all of its kind, and appends one event to it. */
import { workerData } from "node:worker_threads";
import { noStream } from "../../../src/event-store/event-store.ts";
import { openSqliteEventStore } from "../../../src/event-store/sqlite/sqlite-event-store.ts";
import { anEvent } from "./events.ts";

/** `arrivals` is shared and counts who has come to open a log, over all logs. */
export type Openers = { paths: string[]; stream: string; count: number; arrivals: Int32Array };

const { paths, stream, count, arrivals } = workerData as Openers;

for (const [index, path] of paths.entries()) {
  waitForAll((index + 1) * count);
  const store = openSqliteEventStore(path);
  await store.append(stream, noStream, [anEvent(stream, 0)]);
  await store.close();
}

function waitForAll(arrivalCount: number): void {
  Atomics.add(arrivals, 0, 1);
  Atomics.notify(arrivals, 0);
  for (let arrived = 0; arrived < arrivalCount;) {
    arrived = Atomics.load(arrivals, 0);
    if (arrived < arrivalCount) Atomics.wait(arrivals, 0, arrived);
  }
}
