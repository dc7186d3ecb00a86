/**
 * The local copy of the log: the file itself where SQLite is the truth, the node's own copy where a cluster is. It is
 * read synchronously, because a projection that waits for each batch spends its time waiting, and it answers two questions
 * the port can't: where an event is by its id, and what stands at a list of positions.
 */
import { type EventStore, type StoredEvent } from "./event-store.ts";

export interface Log {
  /** The position of the last event; 0 for an empty log. */
  head(): number;

  /** The events of a stream in order of revision, from `fromRevision` (default 0) on; empty for an unknown stream. */
  readStream(stream: string, fromRevision?: number): StoredEvent[];

  /** At most `maxCount` events with a position greater than `afterPosition`, in order. */
  readAll(afterPosition: number, maxCount: number): StoredEvent[];

  /** The event with this id, the earliest where an id was stored twice; undefined when there is none. */
  readById(id: string): StoredEvent | undefined;

  /** The events at these positions, in order of position, each once however often it is listed; unknown ones are left out. */
  readPositions(positions: readonly number[]): StoredEvent[];
}

/** A store whose whole log lies on this machine. */
export interface LocalEventStore extends EventStore {
  /** Sees every append that this store has answered. Its methods throw what those of the store reject with. */
  readonly log: Log;
}
