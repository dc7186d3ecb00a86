/** The log in memory, for tests. It keeps every promise of the port but the disk. */
import {
  type Appended,
  type NewEvent,
  noStream,
  RevisionConflictError,
  type StoredEvent,
  StoreUnavailableError,
} from "../event-store.ts";
import { followLog } from "../follow.ts";
import { filledUp, type LocalEventStore, type Log } from "../log.ts";
import { News } from "../news.ts";

export function memoryEventStore(): LocalEventStore {
  const events: StoredEvent[] = [];
  const streams = new Map<string, StoredEvent[]>();
  const marks = new Set<string>();
  const news = new News();
  let closed = false;

  const whileOpen = <T>(value: T): T => {
    if (closed) throw new StoreUnavailableError("closed");
    return value;
  };

  const log: Log = {
    head: () => whileOpen(events).length,
    readStream: (stream, fromRevision = 0) => (whileOpen(streams).get(stream) ?? []).slice(fromRevision),
    readAll: (afterPosition, maxCount) => whileOpen(events).slice(afterPosition, afterPosition + maxCount),
    readById: (id) => whileOpen(events).find((event) => event.id === id),
    readPositions: (positions) => {
      const wanted = new Set(positions);
      return whileOpen(events).filter(({ position }) => wanted.has(position));
    },
  };

  function append(stream: string, expectedRevision: number, newEvents: readonly NewEvent[]): Appended {
    const stored = whileOpen(streams).get(stream) ?? [];
    const actualRevision = stored.length - 1;
    if (newEvents.length === 0) throw new RangeError("an append needs at least one event");
    if (actualRevision !== expectedRevision) {
      const earlier = stored.slice(expectedRevision + 1, expectedRevision + 1 + newEvents.length);
      const isRepeat = earlier.length === newEvents.length && earlier.every(({ id }, index) => id === newEvents[index]!.id);
      if (expectedRevision >= noStream && isRepeat) return placeOf(earlier.at(-1)!);
      throw new RevisionConflictError(stream, expectedRevision, actualRevision);
    }
    for (const { id, leaf, ciphertext } of newEvents) {
      const event = { position: events.length + 1, stream, revision: stored.length, id, leaf, ciphertext };
      events.push(event);
      stored.push(event);
    }
    streams.set(stream, stored);
    news.announce();
    return placeOf(stored.at(-1)!);
  }

  function overwrite(replacement: (event: StoredEvent) => string | undefined): void {
    for (const event of whileOpen(events)) {
      const text = event.ciphertext === null ? undefined : replacement(event);
      if (text !== undefined) event.ciphertext = filledUp(text, event.ciphertext!);
    }
  }

  return {
    log,
    overwriteCiphertext: async (finished, replacement) => {
      overwrite(replacement);
      for (const mark of finished) marks.add(mark);
    },
    overwritten: () => whileOpen([...marks]),
    append: async (stream, expectedRevision, newEvents) => append(stream, expectedRevision, newEvents),
    readStream: async (stream, fromRevision) => log.readStream(stream, fromRevision),
    readAll: async (afterPosition, maxCount) => log.readAll(afterPosition, maxCount),
    head: async () => log.head(),
    follow: (afterPosition, onBatch, signal) => followLog(log, afterPosition, onBatch, signal, (aborted) => news.wait(aborted)),
    close: async () => {
      closed = true;
      news.announce();
    },
  };
}

const placeOf = ({ revision, position }: StoredEvent): Appended => ({ revision, position });
